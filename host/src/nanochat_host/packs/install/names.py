"""Which names a file of a pack may have, and which two may not stand side by side."""

from __future__ import annotations

MAX_NAME = 240
MAX_DEPTH = 16
_FORBIDDEN = frozenset('\\:*?"<>|')
_DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)))
)


def fault(name: str) -> str:
    """What is wrong with a file's name, slashes between its folders; "" when nothing is."""
    if not name or len(name) > MAX_NAME:
        return f"has a name of {len(name)} characters, and 1 to {MAX_NAME} are allowed"
    if not name.isascii() or not name.isprintable():
        return "has a name with other characters than printable ASCII"
    if name.startswith("/"):
        return "has an absolute name"
    if bad := _FORBIDDEN & set(name):
        return f"has `{min(bad)}` in its name"
    parts = name.split("/")
    if len(parts) > MAX_DEPTH:
        return f"lies more than {MAX_DEPTH} folders deep"
    for part in parts:
        if part in ("", ".", ".."):
            return "has a name that leads elsewhere"
        if part != part.strip() or part.endswith("."):
            return "has a name that begins or ends with a space, or ends with a dot"
        if part.partition(".")[0].lower() in _DEVICES:
            return "has the name of a device"
    if name.lower().endswith(".pth"):
        return "is a .pth file, which would run code in a Python it is installed into"
    return ""


def left_out(name: str) -> bool:
    """Nothing a pack needs: hidden files, caches, wheels (which `pack.lock.toml` names)."""
    parts = name.split("/")
    hidden = any(part.startswith(".") or part in ("__pycache__", "__MACOSX") for part in parts)
    return hidden or name.lower().endswith(".whl")


class Names:
    """Collects names and finds those that are one name elsewhere, or a file and a folder."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}
        self._files: dict[str, str] = {}

    def add(self, name: str, *, folder: bool = False) -> str:
        """What is wrong with having it beside those added before; "" when nothing is."""
        parts = name.split("/")
        paths = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        for path in paths if folder else paths[:-1]:
            if path.casefold() in self._files:
                return "is in a folder that is a file"
            if (known := self._folders.setdefault(path.casefold(), path)) != path:
                return f"differs from `{known}` in upper and lower case only"
        if folder:
            return ""
        key = name.casefold()
        if key in self._folders:
            return "is a file and a folder"
        if key in self._files:
            known = self._files[key]
            return "is there twice" if known == name else f"differs from `{known}` in case only"
        self._files[key] = name
        return ""
