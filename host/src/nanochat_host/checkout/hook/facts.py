"""What is known before the first step: scalars of the script, and its options as parsed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MAX_TEXT = 200
SECRET = re.compile(r"key|secret|password|passwd|token|credential|auth", re.IGNORECASE)


def known_facts(scope: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(facts, args). Numbers and switches always; short text unless its name smells of a secret."""
    args = getattr(scope.get("args"), "__dict__", {})
    return _shown(scope), _shown(args)


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in values.items()
        if not name.startswith("_") and _is_shown(name, value)
    }


def _is_shown(name: str, value: Any) -> bool:
    if type(value) is str:
        return len(value) <= MAX_TEXT and not SECRET.search(name)
    return value is None or type(value) in (bool, int, float)
