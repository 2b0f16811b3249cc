"""Logs: one JSON object a line, ids and paths only, into a file of the workspace's `var/`."""

from __future__ import annotations

import contextlib
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog

LARGEST_BYTES = 50 << 20
KEPT = 5


def to_file(file: Path, *, echo: bool = False, level: str = "info", largest_bytes: int = LARGEST_BYTES, kept: int = KEPT) -> None:
    """Log to this file from this level on; it is turned over at its largest and kept so often. `echo`: to standard error too.

    Every value is written as JSON text, so that no message can begin a line of its own.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [_File(file, maxBytes=largest_bytes, backupCount=kept, encoding="utf-8", delay=True)]
    if echo:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(_lines_of_json())
    logger = logging.getLogger("interpres")
    for old in logger.handlers:
        old.close()
    logger.handlers[:] = handlers
    logger.setLevel(level.upper())
    logger.propagate = False
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=lambda *names: logging.getLogger(names[0] if names else "interpres"),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _File(RotatingFileHandler):
    """A line that the disk does not take goes to standard error instead: a full disk is told all the same."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (its name in the standard library)
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(self.format(record) + "\n")


def _lines_of_json() -> logging.Formatter:
    """What comes through the standard library's logging is told in the same form as our own."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_tracebacks,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def _without_tracebacks(_logger: Any, _name: str, event: Any) -> Any:
    """A traceback may hold what a message held; the kind of the error and its place are logged by whoever met it."""
    event.pop("exc_info", None)
    return event
