"""Logs of our own: one JSON object a line, rotated, scrubbed, with a switch for debug at run time.

A full disk or an unwritable folder never stops the program: the record is dropped and counted.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import sys
import traceback
from pathlib import Path
from typing import Any

from nanochat_host.paths import Paths
from nanochat_host.scrub import scrub

MAX_LOG_BYTES = 2 * 1024 * 1024
KEPT_LOGS = 3
ROOT = "nanochat_host"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; `extra=` fields are kept as fields."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "ts": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name.removeprefix(ROOT).lstrip(".") or "host",
            "pid": record.process,
            "message": record.getMessage(),
        }
        entry.update({k: v for k, v in vars(record).items() if k not in _STANDARD})
        if record.exc_info:
            entry["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return scrub(json.dumps(entry, default=str, ensure_ascii=False))


class PatientHandler(logging.handlers.RotatingFileHandler):
    """Rotating file that swallows what the disk refuses; `dropped` counts it."""

    dropped = 0

    def handleError(self, record: logging.LogRecord) -> None:
        self.dropped += 1


def setup_logging(paths: Paths, role: str, *, debug: bool = False) -> logging.Logger:
    """Send records of this program to `logs/<role>.jsonl`. role: "core", "ui" or "cli"."""
    logger = logging.getLogger(ROOT)
    logger.propagate = False
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(_open_handler(paths.logs / f"{role}.jsonl"))
    set_debug(debug)
    return logger


def _open_handler(path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = PatientHandler(
            path, maxBytes=MAX_LOG_BYTES, backupCount=KEPT_LOGS, encoding="utf-8", delay=True
        )
    except OSError as error:
        print(f"nanochat-cli: no log is kept: {path}: {error.strerror}", file=sys.stderr)
        return logging.NullHandler()
    handler.setFormatter(JsonFormatter())
    return handler


def set_debug(on: bool) -> None:
    """Switch verbose records on or off, at once."""
    logging.getLogger(ROOT).setLevel(logging.DEBUG if on else logging.INFO)


def is_debug() -> bool:
    """True while verbose records are written."""
    return logging.getLogger(ROOT).level == logging.DEBUG
