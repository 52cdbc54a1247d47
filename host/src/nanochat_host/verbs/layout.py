"""`nanochat-cli layout`: the screens, as files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nanochat_sdk.manifest import PanelManifest

from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb
from nanochat_host.verbs.output import emit, table

if TYPE_CHECKING:
    from nanochat_host.layout.spec import Placement


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(verbs, "layout", "list, print and check layouts", "nanochat-cli layout list")
    subs = parent.add_subparsers(metavar="ACTION")
    add_verb(subs, "list", "list layouts and where they lie", "nanochat-cli layout list", list_all)
    show = add_verb(
        subs, "show", "print a layout's screens", "nanochat-cli layout show default", show_layout
    )
    show.add_argument("name", help="a name, or a TOML file")
    check = add_verb(
        subs,
        "check",
        "say what is wrong with a layout, with file, line and key",
        "nanochat-cli layout check ./my.toml",
        check_one,
    )
    check.add_argument("name", help="a name, or a TOML file")


def list_all(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.layout.find import list_layouts

    found = list_layouts(paths)
    data = [{"name": name, "path": str(path), "origin": origin} for name, path, origin in found]
    rows = [[name, origin, str(path)] for name, path, origin in found]
    emit(args, data, table(["NAME", "FROM", "PATH"], rows))
    return 0


def show_layout(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.layout.find import find_layout
    from nanochat_host.layout.load import load_layout

    path = find_layout(args.name, paths)
    catalog = _catalog()
    spec = load_layout(path, catalog)
    lines = [f"{spec.title}  {path}"]
    for screen in spec.screens:
        lines += ["", f"[{screen.id}] {screen.title}"]
        rows = [
            [p.id, p.panel, "x".join(map(str, p.at[2:])), _rate(p, catalog)] for p in screen.panels
        ]
        lines += [f"  {line}" for line in table(["PANEL", "KIND", "SIZE", "REFRESH"], rows)]
    data = {
        "path": str(path),
        "text": Path(path).read_text(),
        "screens": [s.id for s in spec.screens],
    }
    emit(args, data, lines)
    return 0


def check_one(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.layout.find import find_layout
    from nanochat_host.layout.load import check_layout

    path = find_layout(args.name, paths)
    errors = check_layout(path, _catalog())
    data = {
        "path": str(path),
        "errors": [
            {"line": e.line, "key": e.key, "message": e.message, "near": e.near} for e in errors
        ],
    }
    emit(args, data, [str(e) for e in errors] or f"{path}: no errors")
    return 2 if errors else 0


def _rate(placement: Placement, catalog: dict[str, PanelManifest]) -> str:
    panel = catalog.get(placement.panel)
    rate = placement.refresh_hz or (panel.refresh_hz if panel else 0)
    return f"{rate:g}/s" if rate else "-"


def _catalog() -> dict[str, PanelManifest]:
    from nanochat_host.packs.catalog import Catalog

    return {key: entry.panel for key, entry in Catalog.discover().panels.items()}
