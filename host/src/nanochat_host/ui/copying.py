"""Values of the focused widget as text, for the clipboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanochat_sdk.payload import Chart, Payload, Table
from nanochat_sdk.plaintext import to_text

from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.log_view import LogView
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.widgets.panel_view import PanelView

if TYPE_CHECKING:
    from textual.widget import Widget

    from nanochat_host.ui.app import NanochatApp

MAX_CHARS = 60_000
"""Terminals drop a longer OSC 52."""


def copy_focused(app: NanochatApp) -> None:
    """Put it on the clipboard and say what it was."""
    found = values_of(app.focused) if app.focused is not None else None
    if found is None or not found[1].strip():
        app.tell("nothing to copy here; focus a panel or a list")
        return
    what, text = found
    app.copy_to_clipboard(text[:MAX_CHARS])
    app.tell(f"copied {what}, if your terminal allows it")


def values_of(widget: Widget) -> tuple[str, str] | None:
    """What it is and its text, columns separated by tabs; None where there is nothing to copy."""
    if isinstance(widget, PanelView):
        return _panel(widget)
    if isinstance(widget, RowList):
        row = next((row for row in widget.rows if row.key and row.key == widget.key), None)
        return ("the row", "\t".join(text for text, _ in row.cells)) if row else None
    if isinstance(widget, LogView):
        lines = widget.seen_lines()
        return f"{len(lines)} lines", "\n".join(lines)
    return None


def _panel(view: PanelView) -> tuple[str, str] | None:
    title = clean(view.title)
    leaf = view.part(Chart)
    layout = view.chart_layout(leaf) if leaf is not None else None
    if leaf is not None and layout is not None:
        assert isinstance(leaf.payload, Chart)
        lines = [f"curve\t{leaf.payload.x.label or 'x'}\tvalue"]
        cursor = view.chart_view.cursor_x
        for curve in layout.curves:
            if len(curve.xs):
                at = curve.nearest(cursor) if cursor is not None else len(curve.xs) - 1
                label = clean(curve.plot.label) or title
                lines.append(f"{label}\t{curve.xs[at]:g}\t{curve.ys[at]:.6g}")
        where = "under the cursor" if cursor is not None else "at the newest point"
        return f"the values of {title} {where}", "\n".join(lines)
    leaf = view.part(Table)
    if leaf is not None and isinstance(leaf.payload, Table):
        table = leaf.payload
        chosen = range(len(table.rows)) if table.selected < 0 else [table.selected]
        rows = ["\t".join(clean(text) for text, _ in table.rows[i]) for i in chosen]
        return f"{len(rows)} row{'s' * (len(rows) != 1)} of {title}", "\n".join(rows)
    return title, _plain(view.shown_payload(), *view.inner_size)


def _plain(payload: Payload, width: int, height: int) -> str:
    return "\n".join(clean(line) for line in to_text(payload, width, height).splitlines()).rstrip()
