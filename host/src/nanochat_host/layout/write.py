"""LayoutSpec back to TOML: only what an edit changed is touched, comments and order stay.

The text is cut into blocks, one for each `[[screens]]` and `[[screens.panels]]` with the comment
above it; blocks are moved, dropped and added whole, and single values are set in them by tomlkit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tomlkit
from nanochat_sdk.manifest import PanelManifest
from tomlkit.items import Array
from tomlkit.items import Table as TomlTable

from nanochat_host.errors import RefusedError
from nanochat_host.layout.lines import Lines
from nanochat_host.layout.load import parse_layout, usable
from nanochat_host.layout.spec import LayoutSpec, Placement, ScreenSpec

Catalog = Mapping[str, PanelManifest]
EMPTY = "version = 1\n"
"""The text that a layout of its own begins with."""


class LayoutWriteError(RefusedError):
    """The file is written in a way that edits cannot be put into."""


@dataclass(frozen=True)
class _Block:
    """text: comments right above the header, the header and its keys. tail: blank lines and
    comments that stand apart below; they stay in the file when the block goes. apart: a blank line
    is to stand above it."""

    text: str
    tail: str = ""
    apart: bool = True


@dataclass
class _ScreenBlocks:
    """A screen's own block and those of its panels, by their ids."""

    head: _Block
    panels: dict[str, _Block] = field(default_factory=dict)


def rewrite(text: str, layout: LayoutSpec, catalog: Catalog) -> str:
    """`text` with the fewest changes that make it say `layout`. catalog: as for `load_layout`.

    Raises LayoutWriteError when the text writes its screens in another form than [[screens]];
    ConfigFileError when it is no layout.
    """
    crlf = "\r\n" in text
    plain = text.replace("\r\n", "\n")
    base = _spec(plain, layout.path, catalog) if plain != EMPTY else _nothing(layout)
    preamble, blocks = _split(plain, base)
    if (layout.title, layout.help) != (base.title, base.help):
        preamble = _set_root(preamble, base, layout)
    out = [_Block(preamble)]
    kept = set()
    for screen in layout.screens:
        old, known = base.screen(screen.id), blocks.get(screen.id)
        if old is None or known is None:
            out += _new_screen(screen, catalog)
        else:
            kept.add(screen.id)
            out += _changed_screen(known, old, screen, catalog)
    for name, known in blocks.items():
        if name not in kept:
            out += [_stray(block) for block in (known.head, *known.panels.values())]
    result = _joined(out)
    if result.rstrip("\n") == plain.rstrip("\n"):
        return text
    if _spec(result, layout.path, catalog).screens != layout.screens:
        raise LayoutWriteError(
            f"{layout.path} is written in a form that edits cannot be put into",
            "save as another name writes it anew",
        )
    return result.replace("\n", "\r\n") if crlf else result


def fresh(layout: LayoutSpec, catalog: Catalog) -> str:
    """The layout as a text of its own."""
    return rewrite(EMPTY, layout, catalog)


def _nothing(layout: LayoutSpec) -> LayoutSpec:
    return replace(layout, title=layout.path.stem, help="", screens=())


def _spec(text: str, path: Path, catalog: Catalog) -> LayoutSpec:
    return usable(*parse_layout(text.encode(), path, catalog))


# Cutting and joining


def _split(text: str, base: LayoutSpec) -> tuple[str, dict[str, _ScreenBlocks]]:
    """What stands before the first screen, and the blocks of each screen by its id."""
    lines = text.splitlines(keepends=True)
    starts: list[tuple[int, int, int]] = []
    for number, path in Lines(text).headers:
        match path:
            case ("screens", int(screen)):
                starts.append((_lead(lines, number - 1), screen, -1))
            case ("screens", int(screen), "panels", int(panel)):
                starts.append((_lead(lines, number - 1), screen, panel))
    panels = sum(len(screen.panels) for screen in base.screens)
    if len(starts) != len(base.screens) + panels:
        raise LayoutWriteError(
            f"{base.path} does not write every screen and panel with [[ ]]",
            "save as another name writes it anew",
        )
    blocks: dict[str, _ScreenBlocks] = {}
    ends = [*(start for start, _, _ in starts), len(lines)][1:]
    for (start, screen, panel), end in zip(starts, ends, strict=True):
        spec = base.screens[screen]
        apart = start > 0 and not lines[start - 1].strip()
        block = _with_tail(lines[start:end], apart)
        if panel < 0:
            blocks[spec.id] = _ScreenBlocks(block)
        else:
            blocks[spec.id].panels[spec.panels[panel].id] = block
    return "".join(lines[: starts[0][0]] if starts else lines), blocks


def _lead(lines: list[str], header: int) -> int:
    """Index of the first of the comment lines right above a header."""
    while header > 0 and lines[header - 1].lstrip().startswith("#"):
        header -= 1
    return header


def _with_tail(lines: list[str], apart: bool) -> _Block:
    """What stands apart at the end is the tail: from a blank line on, blank lines and comments."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    while end < len(lines) and lines[end].strip():
        end += 1
    return _Block("".join(lines[:end]), "".join(lines[end:]), apart)


def _stray(block: _Block) -> _Block:
    """The comments that stood apart below a block that is gone."""
    return _Block("", block.tail.lstrip("\n") if block.tail.strip() else "")


def _joined(blocks: list[_Block]) -> str:
    """One text; every block begins on a line of its own."""
    out = ""
    for block in blocks:
        part = block.text + block.tail
        if out and part and not out.endswith("\n"):
            out += "\n"
        if out and part and block.apart and not out.endswith("\n\n"):
            out += "\n"
        out += part
    return out.rstrip("\n") + "\n"


# Values


def _changed_screen(
    known: _ScreenBlocks, old: ScreenSpec, new: ScreenSpec, catalog: Catalog
) -> Iterator[_Block]:
    head = known.head
    if (old.title, old.columns, old.rows) != (new.title, new.columns, new.rows):
        document = tomlkit.parse(head.text)
        table: Any = document["screens"][0]
        for key in ("title", "columns", "rows"):
            if getattr(old, key) != getattr(new, key):
                table[key] = getattr(new, key)
        head = replace(head, text=_ended(tomlkit.dumps(document)))
    yield head
    for panel in new.panels:
        before, block = old.panel(panel.id), known.panels.get(panel.id)
        if before is None or block is None or before.panel != panel.panel:
            yield _new_panel(panel, catalog)
        else:
            yield _changed_panel(block, before, panel, catalog) if before != panel else block
    yield from (_stray(block) for name, block in known.panels.items() if new.panel(name) is None)


def _changed_panel(block: _Block, old: Placement, new: Placement, catalog: Catalog) -> _Block:
    document = tomlkit.parse(block.text)
    table: Any = document["screens"]["panels"][0]
    for key in ("title", "at", "at_narrow", "refresh_hz", "source"):
        value = getattr(new, key)
        if value != getattr(old, key):
            _set(table, key, list(value) if key.startswith("at") and value else value)
    manifest = catalog.get(new.panel)
    for key, value in new.options.items():
        if old.options.get(key) != value:
            spec = manifest.options.get(key) if manifest else None
            _set_option(table, key, value, spec is not None and value == spec.default)
    return replace(block, text=_ended(tomlkit.dumps(document)))


def _ended(text: str) -> str:
    return text.rstrip("\n") + "\n"


def _set(table: Any, key: str, value: Any) -> None:
    """An empty value is what is so without the key."""
    if not value:
        if key in table:
            del table[key]
        return
    now = table.get(key)
    if isinstance(now, Array) and isinstance(value, list) and len(now) == len(value):
        for index, item in enumerate(value):
            if now[index] != item:
                now[index] = item  # keeps comments and line breaks between the others
    else:
        _put(table, key, value)


def _put(table: Any, key: str, value: Any) -> None:
    """Set a key; a new one comes after the last plain one, before tables below."""
    if key in table or not isinstance(table, TomlTable):
        table[key] = value
        return
    plain = [name for name, found in table.items() if not isinstance(found, TomlTable)]
    if plain and len(plain) < len(table):
        table.value._insert_after(plain[-1], key, tomlkit.item(value))
    else:
        table.append(key, value)


def _set_option(table: Any, key: str, value: Any, default: bool) -> None:
    options = table.get("options")
    if default:
        if options is not None and key in options:
            del options[key]
            if not options:
                del table["options"]
    elif options is None:
        inline = tomlkit.inline_table()
        inline[key] = value
        _put(table, "options", inline)
    else:
        options[key] = value


def _set_root(preamble: str, old: LayoutSpec, new: LayoutSpec) -> str:
    document = tomlkit.parse(preamble)
    for key in ("title", "help"):
        value = getattr(new, key)
        if value != getattr(old, key):
            document[key] = value
    return _ended(tomlkit.dumps(document))


# New blocks


def _new_screen(screen: ScreenSpec, catalog: Catalog) -> Iterator[_Block]:
    table = tomlkit.table()
    table["id"], table["title"] = screen.id, screen.title
    for key in ("columns", "rows"):
        if getattr(screen, key) != 12:
            table[key] = getattr(screen, key)
    yield _Block(f"[[screens]]\n{table.as_string()}")
    for panel in screen.panels:
        yield _new_panel(panel, catalog)


def _new_panel(panel: Placement, catalog: Catalog) -> _Block:
    table = tomlkit.table()
    table["id"], table["panel"] = panel.id, panel.panel
    for key in ("title", "at", "at_narrow", "refresh_hz", "source"):
        value = getattr(panel, key)
        if value:
            table[key] = list(value) if key.startswith("at") else value
    manifest = catalog.get(panel.panel)
    specs = manifest.options if manifest else {}
    inline = tomlkit.inline_table()
    for key, value in panel.options.items():
        if key not in specs or value != specs[key].default:
            inline[key] = value
    if inline:
        table["options"] = inline
    return _Block(f"[[screens.panels]]\n{table.as_string()}")
