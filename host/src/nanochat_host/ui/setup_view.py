"""The checklist of a checkout as rows: how each thing stands, how far it is, what Enter does."""

from __future__ import annotations

from nanochat_host.core.wire_setup import SetupItem, SetupStatus
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import ListColumn, Row

COLUMNS = (
    ListColumn("", 1, keep=9),
    ListColumn("", 12, keep=9),
    ListColumn("", keep=8),
    ListColumn("", 23, keep=5),
)
GLYPHS = {
    "ready": ("✓", "success"),
    "missing": ("·", "warning"),
    "broken": ("✗", "error"),
    "busy": ("◌", "accent"),
    "later": ("·", "muted"),
}
BAR_CELLS = 20


def bar(done: float, total: float, cells: int = BAR_CELLS) -> str:
    """A bar of that many cells, with what it stands for."""
    share = min(1.0, done / total) if total > 0 else 0.0
    full = int(share * cells)
    return "━" * full + "╌" * (cells - full) + f" {share:4.0%}"


def item_row(item: SetupItem) -> Row:
    """One line of the checklist."""
    glyph, style = GLYPHS[item.state]
    said = clean(item.said)
    if item.total:
        said = f"{bar(item.done, item.total)}  {item.done:g}/{item.total:g} {item.unit}, {said}"
    shade = {"missing": "warning", "broken": "error", "busy": "accent"}.get(item.state, "muted")
    todo = f"⏎ {clean(item.todo)}" if item.todo else ""
    name = "" if item.state in ("ready", "later") else "bold"
    return Row(item.id, ((glyph, style), (item.title, name), (said, shade), (todo, "muted")))


def summary(status: SetupStatus) -> tuple[str, str]:
    """How the whole stands, and its style."""
    if status.ready:
        return "ready to train", "success"
    needed = ("checkout", "environment", "dataset", "tokenizer")
    open_items = [i for i in status.items if i.id in needed and i.state != "ready"]
    if any(item.state == "busy" for item in open_items):
        return "being set up", "accent"
    names = ", ".join(item.title for item in open_items)
    return f"missing: {names}", "warning"
