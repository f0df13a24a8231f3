"""Logging setup: lines of text or JSON, without exception messages, which may quote a prompt."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, TextIO

import orjson

LogFormat = Literal["text", "json"]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class TextFormatter(logging.Formatter):
    """Formats a record as one line of text."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s [%(process)d] %(name)s: %(message)s")

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - logging's own name
        """Format class and traceback of an exception on one line."""
        return "  " + format_exception(ei)


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: `time`, `level`, `logger`, `pid`, `message`, and `exception` if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage().encode("utf-8", "replace").decode(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = format_exception(record.exc_info)
        return orjson.dumps(line).decode()


def format_exception(caught: ExcInfo) -> str:
    """Format an exception's class and its stack, the innermost frame last, without its message.

    Examples
    --------
    >>> import sys
    >>> try:
    ...     int("my secret")
    ... except ValueError:
    ...     format_exception(sys.exc_info()).startswith("ValueError at ")
    True
    """
    kind, _, trace = caught
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{Path(code.co_filename).name}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    name = "exception" if kind is None else kind.__name__
    return f"{name} at {' > '.join(frames[-8:])}" if frames else name


def start_logging(level: str, form: LogFormat, stream: TextIO) -> None:
    """Send the process's log to `stream`; does nothing where logging is set up already.

    Parameters
    ----------
    level
        Least severe level that is written.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    # At debug level the first two log headers and bodies of requests; the third logs every start.
    for name in ("urllib3", "asyncio", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
