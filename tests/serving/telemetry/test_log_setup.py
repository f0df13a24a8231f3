"""Logs: a machine can read them, and no exception's words get in."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from serving.telemetry.log_setup import LogFormat, start_logging


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def _log(form: LogFormat) -> str:
    stream = io.StringIO()
    logging.getLogger().handlers.clear()  # pytest's own
    start_logging("info", form, stream)
    logger = logging.getLogger("thinkgate.test")
    logger.debug("not this")
    logger.info("line %d\nwith a break and \ud800", 1)
    try:
        raise RuntimeError("CANARY prompt")
    except RuntimeError:
        logger.exception("it broke")
    return stream.getvalue()


def test_json_lines() -> None:
    text = _log("json")
    first, second = (json.loads(line) for line in text.splitlines())
    assert (first["level"], first["logger"], first["message"]) == (
        "info",
        "thinkgate.test",
        "line 1\nwith a break and ?",
    )
    assert second["exception"].startswith("RuntimeError at test_log_setup.py:")
    assert "CANARY" not in text


def test_text_lines() -> None:
    text = _log("text")
    assert "INFO" in text
    assert "RuntimeError at test_log_setup.py:" in text
    assert "CANARY" not in text
    assert "Traceback" not in text
