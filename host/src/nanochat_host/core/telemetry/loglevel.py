"""A raw log line as a person reads it, and how loud it is."""

from __future__ import annotations

import re
from typing import Literal

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_ERROR = re.compile(
    r"^(?:\[rank\d+\]: ?)?(?:Traceback \(most|  File \"[^\"]+\", line \d+|"
    r"[\w.]*(?:Error|Exception|Interrupt|Exit)(?::|$))"
    r"|\b(?:ERROR|CRITICAL|FATAL)\b|CUDA out of memory|^Failed to |^E\d{4} "
)
_WARNING = re.compile(r"\b(?:WARNING|WARN|[A-Z]\w*Warning)\b|^W\d{4} |^Attempt \d+/\d+ failed")

Level = Literal["info", "warning", "error"]


def plain(raw: bytes) -> str:
    """Text of a line: what a terminal would show after carriage returns, without escapes."""
    text = raw.decode("utf-8", "replace").rstrip("\r\n")
    if "\r" in text:
        text = text[text.rindex("\r") + 1 :]
    return _ANSI.sub("", text) if "\x1b" in text else text


def level_of(text: str) -> Level:
    """The level of one line, from its words alone."""
    if _ERROR.search(text):
        return "error"
    return "warning" if _WARNING.search(text) else "info"
