"""Keys of one's own: `keymap.toml` gives an action other keys. Every binding has an id for it.

    [keys]
    "dashboard.steer.save" = "S,ctrl+s"   # several, separated by commas
    "app.quit" = "ctrl+q"

`nanochat-cli keys list` prints the ids. The file is data: a name or a key it does not know is said
and left out, the others count.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.binding import Binding
from textual.dom import DOMNode

from nanochat_host.errors import ConfigFileError
from nanochat_host.paths import Paths
from nanochat_host.toml import tables

_KEY = re.compile(r"^((ctrl|alt|shift|super)\+)*[A-Za-z0-9_]+\Z")


@dataclass(frozen=True)
class BoundKey:
    """One action that keys lead to. keys: separated by commas. does: in a word or two."""

    id: str
    keys: str
    does: str


def known_keys() -> dict[str, BoundKey]:
    """Every id of the UI with its shipped keys. Dialogs have none: Esc and Enter stay as they are.
    Imports all of the UI: some 0.2 s."""
    import nanochat_host.ui as ui

    for module in pkgutil.walk_packages(ui.__path__, f"{ui.__name__}."):
        importlib.import_module(module.name)
    found: dict[str, BoundKey] = {}
    for binding in _ours(DOMNode):
        name = binding.id or ""
        before = found.get(name)
        keys = binding.key if before is None else _joined(before.keys, binding.key)
        does = binding.description or (before.does if before else "")
        found[name] = BoundKey(name, keys, does)
    return dict(sorted(found.items()))


def _ours(kind: type[DOMNode]) -> Iterator[Binding]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("nanochat_host.ui."):
            for binding in child.__dict__.get("BINDINGS", ()):
                if isinstance(binding, Binding) and binding.id:
                    yield binding
        yield from _ours(child)


def _joined(first: str, second: str) -> str:
    return ",".join(dict.fromkeys([*first.split(","), *second.split(",")]))


def read_keymap(paths: Paths) -> dict[str, str]:
    """The person's keys by id; nothing when there is no file. Ids are not checked here: `check`
    does. Raises ConfigFileError when the file cannot be read as what it should be."""
    path = paths.keymap_toml
    try:
        raw = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFileError(str(path), str(error)) from None
    try:
        document = tables(raw)
    except ValueError as error:
        raise ConfigFileError(str(path), str(error)) from None
    for key in document:
        if key != "keys":
            raise ConfigFileError(str(path), "is not known here", key=key, near="keys")
    return dict(_flat(path, document.get("keys", {}), ""))


def _flat(path: Path, table: Any, at: str) -> Iterator[tuple[str, str]]:
    """`a.b = "x"` and `"a.b" = "x"` mean the same."""
    if not isinstance(table, Mapping):
        raise ConfigFileError(str(path), "must be a table of ids and keys", key=at or "keys")
    for name, value in table.items():
        where = f"{at}.{name}" if at else str(name)
        if isinstance(value, str):
            if not value.strip():
                raise ConfigFileError(str(path), "needs a key; remove the line for the usual one",
                                      key=where)  # fmt: skip
            keys = [part.strip() for part in value.split(",") if part.strip()]
            for key in keys:
                if not _KEY.match(key):
                    raise ConfigFileError(str(path), f"`{key}` is no key", key=where)
            yield where, ",".join(keys)
        else:
            yield from _flat(path, value, where)


def check(keymap: Mapping[str, str]) -> list[str]:
    """What is wrong with the ids of a keymap, and which keys two actions of one place share."""
    known = known_keys()
    wrong = []
    for name in keymap:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean `{near[0]}`?" if near else "see `nanochat-cli keys list`"
            wrong.append(f"there is no action `{name}`; {hint}")
    taken: dict[tuple[str, str], str] = {}
    for name, bound in known.items():
        place = name.partition(".")[0]
        for key in keymap.get(name, bound.keys).split(","):
            other = taken.setdefault((place, key), name)
            if key and other != name and (name in keymap or other in keymap):
                wrong.append(f"`{key}` is wanted by `{other}` and `{name}`; the first has it")
    return wrong


def as_toml(keys: Mapping[str, BoundKey]) -> str:
    """A keymap file with every action in it, all commented out."""
    lines = ["# Keys of your own. Remove the # of a line and change its keys.", "", "[keys]"]
    lines += [f'# "{b.id}" = "{b.keys}"{f"  # {b.does}" if b.does else ""}' for b in keys.values()]
    return "\n".join(lines)
