"""TOML to LayoutSpec. Every mistake is reported with file, line, key and the nearest valid key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from nanochat_sdk.manifest import PanelManifest

from nanochat_host.errors import ConfigFileError, NotFoundError
from nanochat_host.layout.check import Checker
from nanochat_host.layout.lines import Lines
from nanochat_host.layout.spec import LayoutSpec
from nanochat_host.toml import tables

MAX_BYTES = 512 * 1024
_POSITION = re.compile(r"\(at line (\d+), column \d+\)")


def read_layout(
    path: Path, catalog: Mapping[str, PanelManifest]
) -> tuple[LayoutSpec | None, list[ConfigFileError]]:
    """The layout, and everything wrong with it; None instead of a layout that has errors.

    A panel of a pack that is not installed is reported last and does not spoil the layout. catalog:
    "pack:panel" to its manifest. Raises NotFoundError when there is no such file.
    """
    try:
        return parse_layout(read_raw(path), path, catalog)
    except ConfigFileError as error:
        return None, [error]


def read_raw(path: Path) -> bytes:
    """What the file holds. Raises NotFoundError, ConfigFileError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no layout {path}", "see `nanochat-cli layout list`"
        ) from None
    except OSError as error:
        raise ConfigFileError(str(path), f"cannot be read: {error.strerror}") from None


def parse_layout(
    raw: bytes, path: Path, catalog: Mapping[str, PanelManifest]
) -> tuple[LayoutSpec | None, list[ConfigFileError]]:
    """As `read_layout`, of a file's content. path: names it in errors."""
    file = str(path)
    if len(raw) > MAX_BYTES:
        return None, [ConfigFileError(file, f"is larger than {MAX_BYTES // 1024} KiB")]
    try:
        text = raw.decode()
        document = tables(text)
    except UnicodeDecodeError:
        message = "is not text but a binary file; `nanochat-cli layout list` shows what there is"
        return None, [ConfigFileError(file, message)]
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.search(str(error))
        message = f"is not TOML: {_POSITION.sub('', str(error)).strip()}"
        last_line = text.count("\n") + 1
        return None, [ConfigFileError(file, message, line=int(found[1]) if found else last_line)]
    except ValueError as error:
        return None, [ConfigFileError(file, f"cannot be read: {error}")]
    checker = Checker(path, Lines(text), catalog)
    spec = checker.layout(document)
    wrong = [*sorted(checker.errors, key=lambda e: e.line), *checker.missing]
    return (None if checker.errors else spec), wrong


def load_layout(path: Path, catalog: Mapping[str, PanelManifest]) -> LayoutSpec:
    """As `read_layout`; raises ConfigFileError for the first thing that is wrong."""
    return usable(*read_layout(path, catalog))


def usable(spec: LayoutSpec | None, errors: Sequence[ConfigFileError]) -> LayoutSpec:
    """The layout of what was read. Raises ConfigFileError for the first thing that is wrong."""
    if spec is None:
        raise errors[0]
    return spec


def check_layout(path: Path, catalog: Mapping[str, PanelManifest]) -> list[ConfigFileError]:
    """Everything wrong with the layout, in the order of its lines."""
    return sorted(read_layout(path, catalog)[1], key=lambda e: e.line)
