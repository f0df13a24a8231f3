"""Writes the log as lines of text or JSON, and never the message of an exception: it may quote a prompt."""

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
    """One line for a person."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s [%(process)d] %(name)s: %(message)s")

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - logging's own name
        """Say what broke and where, on one line."""
        return "  " + format_exception(ei)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `pid`, `message`, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage().encode("utf-8", "replace").decode(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            told["exception"] = format_exception(record.exc_info)
        return orjson.dumps(told).decode()


def format_exception(caught: ExcInfo) -> str:
    """Name an exception's class, and the places it went through, the innermost last.

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
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{Path(code.co_filename).name}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    name = "exception" if kind is None else kind.__name__
    return f"{name} at {' > '.join(places[-8:])}" if places else name


def start_logging(level: str, form: LogFormat, stream: TextIO) -> None:
    """Send all of the process's log to `stream`; does nothing where somebody else has set up the log already.

    Parameters
    ----------
    level
        Least severe level that is written.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    # At debug the first two write headers and bodies of what they send; the third talks of itself at each start.
    for name in ("urllib3", "asyncio", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
