"""Lines beside panels: kept while only the panels change."""

from __future__ import annotations

from app_rig import until
from nanochat_host.ui.controls.one_line import OneLine
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widgets import Static


class Line(OneLine):
    DEFAULT_CSS = "Line { height: 1; }"
    word: reactive[str] = reactive("one")
    painted = 0

    def render_line(self, y: int) -> Strip:
        self.painted += 1
        return (
            Strip.blank(self.size.width)
            if not self.word
            else Strip([]).extend_cell_length(self.size.width)
        )


class Bench(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("panel")
        yield Line()


async def test_a_line_is_painted_anew_only_when_it_changed() -> None:
    app = Bench()
    async with app.run_test(size=(40, 10)) as pilot:
        line, panel = app.query_one(Line), app.query_one(Static)
        await pilot.pause()
        before = line.painted
        for word in ("a", "b", "c"):
            panel.update(word)
            await pilot.pause()
        whole = Region(0, 0, *line.size)
        assert line.render_lines(whole) == line.render_lines(whole)
        assert line.painted == before
        line.word = "two"
        await pilot.pause()
        assert line.painted == before + 1
        app.theme = "textual-light"
        await pilot.pause()
        assert line.painted > before + 1
        before = line.painted
        await pilot.resize_terminal(60, 10)
        await until(pilot, lambda: line.size.width == 60 and line.painted > before, "it")
        assert line.render_lines(Region(0, 0, *line.size))[0].cell_length == 60
