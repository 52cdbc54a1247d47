"""A prefab as a YAML file: read strictly, with the line of every key; edited in place, so that
comments and order stay as the person wrote them."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nanochat_host.core.config.effective import Setting
from nanochat_host.errors import CannotWriteError, ConfigFileError, NanochatCliError
from nanochat_host.paths import atomic_write

VERSION = 1
MAX_BYTES = 64 * 1024
MAX_BRACKETS = 1000
"""The parser's time grows with the square of how deeply they nest."""
KEYS = ("version", "title", "help", "extends", "gpu", "gpus", "stages")
_TEXTS = ("title", "help", "extends", "gpu")


class PrefabFile(NamedTuple):
    """A file's own content. stages: by stage, then by option name. gpu, gpus: what it is meant
    for, "" and 0 where it does not say."""

    name: str
    path: Path
    title: str
    help: str
    extends: str
    gpu: str
    gpus: int
    stages: dict[str, dict[str, Setting]]
    text: str


def read_prefab(path: Path, name: str) -> PrefabFile:
    """Raises ConfigFileError with file, line, key and the nearest valid key."""
    text = _read(path)
    tree = _parse(path, text)
    for key in tree:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, 1)
            raise _error(path, tree, key, "is no key of a prefab", near[0] if near else "")
    if tree.get("version") != VERSION:
        raise _error(path, tree, "version", f"must be {VERSION}, not {tree.get('version')!r}")
    for key in _TEXTS:
        if not isinstance(tree.get(key, ""), str):
            raise _error(path, tree, key, "takes text")
    gpus = tree.get("gpus", 0)
    if not isinstance(gpus, int) or isinstance(gpus, bool) or not 0 <= gpus <= 1024:
        raise _error(path, tree, "gpus", "takes a whole number from 0 to 1024")
    stages = tree.get("stages") or {}
    if not isinstance(stages, Mapping):
        raise _error(path, tree, "stages", "holds a stage a line, its options below it")
    words = {key: str(tree.get(key, "")).strip() for key in _TEXTS}
    found = {str(stage): _settings(path, name, stages, stage) for stage in stages}
    return PrefabFile(
        name, path, words["title"], words["help"], words["extends"], words["gpu"], gpus, found, text
    )


def edited(
    path: Path,
    text: str,
    stage: str,
    options: Mapping[str, Any],
    reset: Iterable[str],
    head: Mapping[str, str],
) -> str:
    """The text with a stage's options set and others taken out. head: title and extends, left
    alone where "". Raises ConfigFileError."""
    tree = _parse(path, text)
    for key, value in head.items():
        if value:
            tree[key] = value
    if not isinstance(tree.get("stages"), dict):
        tree["stages"] = {}
    if not isinstance(tree["stages"].get(stage), dict):
        tree["stages"][stage] = {}
    values = tree["stages"][stage]
    for name in reset:
        for key in (name, name.replace("_", "-")):
            values.pop(key, None)
    for name, value in options.items():
        values[name.replace("_", "-") if name.replace("_", "-") in values else name] = value
    if not values:
        del tree["stages"][stage]
    out = io.StringIO()
    _yaml().dump(tree, out)
    return out.getvalue()


def write_prefab(path: Path, text: str) -> None:
    """Replace the file, atomically. Raises NanochatCliError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, text)
    except OSError as error:
        raise CannotWriteError(path, error) from None


def _settings(path: Path, name: str, stages: Any, stage: Any) -> dict[str, Setting]:
    options = stages[stage] if stages[stage] is not None else {}
    if not isinstance(options, Mapping):
        raise _error(path, stages, stage, "holds `option: value` lines")
    found: dict[str, Setting] = {}
    for key, value in options.items():
        plain = [_plain(item) for item in value] if isinstance(value, list) else _plain(value)
        if isinstance(plain, _Nested) or (
            isinstance(plain, list) and any(isinstance(item, _Nested) for item in plain)
        ):
            raise _error(path, options, key, "takes a number, text, true or false, or a list")
        option = str(key).lstrip("-").replace("-", "_")
        found[option] = Setting(plain, f"prefab:{name}", f"{path}:{_line(options, key)}")
    return found


class _Nested:
    """Marks a value that is no scalar."""


def _plain(value: Any) -> Any:
    """A scalar without the marks that keep its spelling in the file."""
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return _Nested()


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            raise ConfigFileError(str(path), f"is larger than {MAX_BYTES} bytes")
        return raw.decode()
    except UnicodeDecodeError:
        raise ConfigFileError(str(path), "is not UTF-8 text") from None
    except OSError as error:
        raise NanochatCliError(f"cannot read {path}: {error.strerror}") from None


def _yaml() -> Any:
    from ruamel.yaml import YAML  # takes 40 ms to import; a core without prefabs needs none of it

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 100
    return yaml


def _parse(path: Path, text: str) -> Any:
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if text.count("[") + text.count("{") > MAX_BRACKETS:
        raise ConfigFileError(str(path), f"holds more than {MAX_BRACKETS} brackets")
    try:
        tree = _yaml().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join((error.problem or error.context or "is no YAML").split())
        raise ConfigFileError(str(path), what, line=mark.line + 1 if mark else 0) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigFileError(str(path), " ".join(str(error).split())[:200]) from None
    if not isinstance(tree, dict):
        raise ConfigFileError(str(path), "holds no `key: value` lines", line=1)
    return tree


def _line(tree: Any, key: Any) -> int:
    try:
        return int(tree.lc.key(key)[0]) + 1
    except (AttributeError, KeyError, TypeError):
        return 0


def _error(path: Path, tree: Any, key: Any, message: str, near: str = "") -> ConfigFileError:
    return ConfigFileError(str(path), message, line=_line(tree, key), key=str(key), near=near)
