"""A panel's table under keys and mouse: the selection where the panel has one, else scrolling."""

from __future__ import annotations

from msgspec.structs import replace
from nanochat_sdk.payload import Table
from nanochat_sdk.protocol import Input

from nanochat_host.ui.render.draw import Leaf
from nanochat_host.ui.render.table import visible_from
from nanochat_host.ui.widgets.panel_body import PanelBody


class TableBody(PanelBody):
    """The panel says which row is selected; until its next payload does, what was chosen counts."""

    _chosen = (0, -1)
    """Revision of the payload in which a row was chosen, and the row."""

    def ask(self, *inputs: Input) -> None:
        """Hand the worker what the person did."""

    def row(self) -> int:
        """The selected row, -1 for none."""
        leaf = self.part(Table)
        if leaf is None or not isinstance(leaf.payload, Table) or self.process is None:
            return -1
        revision, row = self._chosen
        chosen = revision == self.process.payload_rev and row < len(leaf.payload.rows)
        return row if chosen and leaf.payload.selected >= 0 else leaf.payload.selected

    def move_in_table(self, leaf: Leaf, table: Table, rows: int) -> None:
        """Move the selection, or what is in view."""
        last = len(table.rows) - 1
        if table.selected >= 0:
            row = max(0, min(last, self.row() + rows))
            if last >= 0 and row != self.row():
                self._choose(row)
            return
        header, first = visible_from(table, leaf.height, self.chart_view.scroll)
        most = max(0, len(table.rows) - (leaf.height - header))
        scroll = max(0, min(most, first + rows))
        self.set_chart_view(replace(self.chart_view, scroll=scroll))

    def click_table(self, leaf: Leaf, y: int, chain: int) -> bool:
        """A click in row `y` of a leaf chooses, a second one activates. False when it hit no row of
        a table."""
        if not isinstance(leaf.payload, Table):
            return False
        header, first = visible_from(leaf.payload, leaf.height, self.chart_view.scroll)
        row = first + y - header
        if y < header or row >= len(leaf.payload.rows):
            return False
        if chain == 1:
            self._choose(row)
        elif leaf.payload.selected >= 0:
            self.ask(Input(kind="activate", row=row))
        else:
            return False
        return True

    def action_activate(self) -> None:
        """Enter on a table's row."""
        if (row := self.row()) >= 0:
            self.ask(Input(kind="activate", row=row))

    def _choose(self, row: int) -> None:
        self._chosen = (self.process.payload_rev if self.process else 0, row)
        self.ask(Input(kind="select", row=row))
