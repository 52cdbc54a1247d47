"""TOML to LayoutSpec. Every mistake is reported with file, line, key and the nearest valid key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from nanochat_sdk.manifest import PanelManifest

from nanochat_host.errors import ConfigFileError, NotFoundError
from nanochat_host.layout.check import Checker
from nanochat_host.layout.lines import Lines
from nanochat_host.layout.spec import LayoutSpec

MAX_BYTES = 512 * 1024
_POSITION = re.compile(r"\(at line (\d+), column \d+\)")


def read_layout(
    path: Path, catalog: Mapping[str, PanelManifest]
) -> tuple[LayoutSpec | None, list[ConfigFileError]]:
    """The layout, and everything wrong with it; None instead of a layout that has errors.

    catalog: "pack:panel" to its manifest. Raises NotFoundError when there is no such file.
    """
    file = str(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no layout {file}", "see `nanochat-cli layout list`"
        ) from None
    except OSError as error:
        return None, [ConfigFileError(file, f"cannot be read: {error.strerror}")]
    if len(raw) > MAX_BYTES:
        return None, [ConfigFileError(file, f"is larger than {MAX_BYTES // 1024} KiB")]
    try:
        text = raw.decode()
        document = tomllib.loads(text)
    except UnicodeDecodeError:
        message = "is not text but a binary file; `nanochat-cli layout list` shows what there is"
        return None, [ConfigFileError(file, message)]
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.search(str(error))
        message = f"is not TOML: {_POSITION.sub('', str(error)).strip()}"
        last_line = text.count("\n") + 1
        return None, [ConfigFileError(file, message, line=int(found[1]) if found else last_line)]
    except RecursionError:
        return None, [ConfigFileError(file, "is nested too deeply")]
    checker = Checker(path, Lines(text), catalog)
    spec = checker.layout(document)
    return (None if checker.errors else spec), sorted(checker.errors, key=lambda e: e.line)


def load_layout(path: Path, catalog: Mapping[str, PanelManifest]) -> LayoutSpec:
    """As `read_layout`; raises ConfigFileError for the first thing that is wrong."""
    spec, errors = read_layout(path, catalog)
    if spec is None:
        raise errors[0]
    return spec


def check_layout(path: Path, catalog: Mapping[str, PanelManifest]) -> list[ConfigFileError]:
    """Everything wrong with the layout, in the order of its lines."""
    return read_layout(path, catalog)[1]
