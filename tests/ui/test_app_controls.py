"""The small widgets of the screens, each alone."""

from __future__ import annotations

from pathlib import Path

from app_rig import FakeCore, Host, make_run, screen_text, until
from nanochat_host.core.wire_config import Finding, TargetReport
from nanochat_host.ui.configure.finding_rows import Found, finding_rows
from nanochat_host.ui.configure.option_rows import columns_for
from nanochat_host.ui.controls.key_line import KeyLine
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.controls.tab_strip import TabStrip
from textual.app import App, ComposeResult


class ListApp(App[None]):
    """One list under test."""

    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[str] = []
        self.moved: list[str] = []

    def compose(self) -> ComposeResult:
        yield RowList(
            ListColumn("name", 10, keep=9), ListColumn("note"), ListColumn("n", 6, keep=1)
        )

    def on_row_list_moved(self, message: RowList.Moved) -> None:
        self.moved.append(message.key)

    def on_row_list_chosen(self, message: RowList.Chosen) -> None:
        self.chosen.append(message.key)


def rows(*keys: str) -> list[Row]:
    """A heading for each "", else a row of that key."""
    return [
        Row(key, ((key or "heading", ""), ("note of " + key, "muted"), ("1", ""))) for key in keys
    ]


async def test_enter_says_what_it_does_where_a_list_has_the_focus(tmp_path: Path) -> None:
    core = FakeCore()
    core.run_list = [make_run()]
    app = Host(tmp_path, core).app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the first answer")
        for key, word in (("r", "enter Open"), ("A", "enter Change"), ("n", "enter Change")):
            await pilot.press(key)
            line = app.screen.query_one(KeyLine)
            await until(pilot, lambda line=line, word=word: word in line.render_line(0).text, word)
            await pilot.press("h")


async def test_the_cursor_jumps_over_headings_and_stays_on_its_row() -> None:
    app = ListApp()
    async with app.run_test(size=(60, 12)) as pilot:
        names = app.query_one(RowList)
        names.set_rows(rows("", "a", "b", "", "c"))
        names.focus()
        assert names.key == "a"
        await pilot.press("down", "down")
        assert names.key == "c"
        names.set_rows(rows("", "c", "d", "a"))
        assert names.key == "c"
        await pilot.press("up")
        assert names.key == "c", "nothing to choose above"
        names.set_rows(rows("x", "y"))
        assert names.key in {"x", "y"}
        names.set_rows([])
        assert names.key == ""
        await pilot.press("enter", "down", "end", "home", "pagedown")
        assert app.chosen == []


async def test_another_row_under_a_cursor_that_did_not_move_is_told() -> None:
    app = ListApp()
    async with app.run_test(size=(60, 12)) as pilot:
        names = app.query_one(RowList)
        names.set_rows(rows("a", "b"))
        await pilot.pause()
        app.moved.clear()
        names.set_rows(rows("b"))
        await pilot.pause()
        names.set_rows(rows("b", "c"))
        await pilot.pause()
        assert app.moved == ["b"], "once for the new row, not again while it stays"


async def test_a_long_list_scrolls_with_the_cursor_under_its_heading() -> None:
    app = ListApp()
    async with app.run_test(size=(60, 12)) as pilot:
        names = app.query_one(RowList)
        names.set_rows(rows(*(f"row{n}" for n in range(500))))
        names.focus()
        await pilot.press("end")
        await pilot.pause()
        lines = _text(app).split("\n")
        assert lines[0].split() == ["name", "note", "n"]
        assert "row499" in lines[-1]
        await pilot.press("home", *["pagedown"] * 3)
        await pilot.pause()
        assert names.key == "row30"
        assert "row30" in _text(app)


async def test_click_moves_and_clicks_again_choose() -> None:
    app = ListApp()
    async with app.run_test(size=(60, 12)) as pilot:
        names = app.query_one(RowList)
        names.set_rows(rows("a", "b", "c"))
        await pilot.click(RowList, offset=(3, 2))
        assert (names.key, app.chosen) == ("b", [])
        await pilot.click(RowList, offset=(3, 2))
        assert app.chosen == ["b"]


async def test_columns_that_matter_less_go_first() -> None:
    app = ListApp()
    async with app.run_test(size=(24, 6)) as pilot:
        app.query_one(RowList).set_rows(rows("alpha"))
        await pilot.pause()
        assert _text(app).split("\n")[1].split() == ["alpha"]
        await pilot.resize_terminal(80, 6)
        await pilot.pause()
        assert _text(app).split("\n")[1].split() == ["alpha", "note", "of", "alpha", "1"]


async def test_help_and_quit_stay_on_the_narrowest_key_line(host: Host, core: FakeCore) -> None:
    core.run_list = [make_run("one")]
    app = host.app(run="one")
    async with app.run_test(size=(40, 12)) as pilot:
        await until(pilot, lambda: app.model.live, "a live run")
        await pilot.pause()
        line = screen_text(app).split("\n")[-2]
        assert line.rstrip().endswith("? Help")
        assert "q Quit" in line
        await pilot.resize_terminal(160, 40)
        await pilot.pause()
        line = screen_text(app).split("\n")[-2]
        assert "c Save" in line
        await pilot.click(KeyLine, offset=(line.index("? Help"), 0))
        await until(pilot, lambda: "Keys, those of" in screen_text(app), "the help")


async def test_a_click_on_a_tab_opens_it(host: Host) -> None:
    app = host.app(layout="default")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "Machine" in screen_text(app).split("\n")[0], "the tabs")
        line = screen_text(app).split("\n")[0]
        await pilot.click(TabStrip, offset=(line.index("Machine"), 0))
        await until(pilot, lambda: app.screen.place() == "Machine", "the tab")


def _text(app: App[None]) -> str:
    return "\n".join(
        "".join(segment.text for segment in strip).rstrip()
        for strip in app.screen._compositor.render_strips()
    )


def test_names_of_options_are_whole_where_no_column_goes_for_them() -> None:
    name = "--target-param-data-ratio"
    rows = [Row("", (("", ""), ("", ""))), Row(name, (("", ""), (name, ""), ("6.0", "")))]
    widths = {width: columns_for(rows, width)[1].width for width in (40, 51, 58, 61, 90)}
    assert widths == {40: 22, 51: 25, 58: 24, 61: 25, 90: 25}
    assert columns_for([], 90)[1].width == 22


async def test_what_to_do_about_a_finding_is_never_cut() -> None:
    way = "give the checkout a base folder of its own: `checkout add --base-dir`, " * 4
    found = [Found(Finding("warning", "base", "models are there", "", fix_note=way), "")]
    report = TargetReport("tiny", "base_train", [])

    class Pane(App[None]):
        def compose(self) -> ComposeResult:
            yield RowList(ListColumn("", 1, keep=9), ListColumn("", 1, keep=9), ListColumn(""))

    for width in (50, 51, 60, 77):
        async with Pane().run_test(size=(width, 5)) as pilot:
            table = pilot.app.screen.query_one(RowList)
            table.set_rows(finding_rows(found, report, table.size.width, 20))
            await pilot.pause()
            text = "".join(table.render_line(y).text for y in range(len(table.rows)))
            assert "…" not in text and text.count("→") == 1
