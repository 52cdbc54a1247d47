"""A panel's form, editor and long table under keys and mouse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nanochat_host.ui.widgets.editor_area import EditorArea
from nanochat_host.ui.widgets.panel_view import PanelView
from nanochat_sdk.forms import BoolField, ChoiceField, Editor, Form, NumberField, TextField
from nanochat_sdk.payload import Child, Column, Payload, Stack, Table, Text
from nanochat_sdk.protocol import EditorSubmitted, FormSubmitted, Input, KeyHelp
from test_widgets_panel_view import Bench, painted, running
from textual.pilot import Pilot

FORM = Form(
    [
        TextField("why", "Why", required=True, max_length=10),
        NumberField("depth", "Depth", value=4, lo=1, hi=32, whole=True),
        ChoiceField("kind", "Kind", choices=["adamw", "muon"]),
        BoolField("sure", "Sure"),
    ],
    title="Note a change",
    submit="Keep it",
)
LONG = Table([Column("STEP")], [[(f"row {i}", "")] for i in range(200)])


def sent(app: Bench) -> list[Input]:
    return [one for message in app.told(PanelView.Asked) for one in message.inputs]  # type: ignore[attr-defined]


@asynccontextmanager
async def form(payload: Payload = FORM) -> AsyncIterator[tuple[Bench, Pilot[None]]]:
    async with running(payload) as (app, pilot):
        yield app, pilot


async def test_enter_fills_in_tab_moves_and_the_button_sends() -> None:
    async with form() as (app, pilot):
        await pilot.press("enter", *"so", "tab", "backspace", "8", "tab", "right", "tab", "space")
        assert sent(app) == []
        await pilot.press("tab", "enter")
        values = {"why": "so", "depth": 8, "kind": "muon", "sure": True}
        assert sent(app) == [FormSubmitted(form="form", values=values)]
        assert not app.loss.filling


async def test_the_fields_are_painted_with_what_was_typed() -> None:
    async with form() as (app, pilot):
        lines = "\n".join(painted(app.loss))
        assert "Note a change" in lines
        assert "[ Keep it ]" in lines
        assert "‹ adamw ›" in lines
        await pilot.press("enter", *"quit?")
        assert any("Why" in line and "quit?" in line for line in painted(app.loss))
        await pilot.press("tab")
        assert any("a whole number from 1 to 32" in line for line in painted(app.loss))


async def test_ctrl_s_sends_from_any_field_and_escape_keeps_what_was_typed() -> None:
    async with form() as (app, pilot):
        await pilot.press("enter", *"abc", "escape")
        assert not app.loss.filling
        assert any("abc" in line for line in painted(app.loss))
        await pilot.press("x")
        assert sent(app) == []
        await pilot.press("enter", "ctrl+s")
        (submitted,) = sent(app)
        assert isinstance(submitted, FormSubmitted)
        assert submitted.values["why"] == "abc"


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (["enter", "ctrl+s"], "Why is needed"),
        (["enter", "a", "tab", "backspace", *"99", "ctrl+s"], "Depth is at most 32"),
        (["enter", "a", "tab", "backspace", *"1.5", "ctrl+s"], "Depth is a whole number"),
        (["enter", "a", "tab", "backspace", *"nan", "ctrl+s"], "Depth is not a number"),
        (["enter", "a", "tab", "backspace", *"1e999", "ctrl+s"], "Depth is not a number"),
    ],
)
async def test_what_a_field_does_not_allow_is_not_sent(keys: list[str], says: str) -> None:
    async with form() as (app, pilot):
        await pilot.press(*keys)
        assert sent(app) == []
        assert any(says in line for line in painted(app.loss))
        assert app.loss.filling


async def test_a_number_may_be_left_empty_and_a_text_is_bounded() -> None:
    async with form() as (app, pilot):
        await pilot.press("enter", *"abcdefghijklm", "tab", "backspace", "ctrl+s")
        (submitted,) = sent(app)
        assert isinstance(submitted, FormSubmitted)
        assert submitted.values["why"] == "abcdefghij"
        assert submitted.values["depth"] is None


async def test_keys_do_not_reach_the_panel_or_the_app_while_filling_in() -> None:
    async with form() as (app, pilot):
        app.loss.declare_keys((KeyHelp("s", "shout"), KeyHelp("escape", "trap")))
        await pilot.press("enter", *"szq0", "escape")
        assert sent(app) == []
        assert any("szq0" in line for line in painted(app.loss))
        assert not app.loss.filling
        await pilot.press("s")
        assert sent(app) == [Input("key", key="s")]


async def test_without_the_focus_a_form_gets_no_key() -> None:
    async with form() as (app, pilot):
        await pilot.press("enter", "a")
        app.log_panel.focus()
        await pilot.pause()
        assert not app.loss.filling
        await pilot.press("b", "ctrl+s", "enter")
        assert sent(app) == []
        assert any(" a " in line for line in painted(app.loss) if "Why" in line)


async def test_the_mouse_chooses_fields_and_sends() -> None:
    async with form() as (app, pilot):
        lines = painted(app.loss)

        def at(word: str) -> tuple[int, int]:
            return lines[y].index(word) if (
                y := next(i for i, line in enumerate(lines) if word in line)
            ) else 0, y

        await pilot.click(app.loss, offset=at("Why"))
        await pilot.press("a")
        await pilot.click(app.loss, offset=at("Kind"))
        await pilot.click(app.loss, offset=at("Sure"))
        await pilot.click(app.loss, offset=at("[ Keep it"))
        (submitted,) = sent(app)
        assert isinstance(submitted, FormSubmitted)
        assert submitted.values == {"why": "a", "depth": 4, "kind": "muon", "sure": True}


async def test_a_paste_goes_into_the_field_on_one_line() -> None:
    async with form() as (app, pilot):
        await pilot.press("enter", "a")
        from textual import events

        app.loss.post_message(events.Paste("b\nc\x1b[31m"))
        await pilot.pause()
        assert all("\x1b" not in line for line in painted(app.loss))
        assert any("ab c" in line for line in painted(app.loss))


async def test_another_form_forgets_what_was_typed_and_the_same_one_keeps_it() -> None:
    async with form() as (app, pilot):
        await pilot.press("enter", *"abc")
        app.loss.process.show(Form(FORM.fields, title="Again"))  # type: ignore[union-attr]
        app.loss.refresh_from_process()
        assert any("abc" in line for line in painted(app.loss))
        app.loss.process.show(Form(FORM.fields, id="other"))  # type: ignore[union-attr]
        app.loss.refresh_from_process()
        assert not any("abc" in line for line in painted(app.loss))
        assert not app.loss.filling


@pytest.mark.parametrize("height", [5, 6, 7])
async def test_in_little_room_the_active_field_is_in_view(height: int) -> None:
    stack = Stack([Child(FORM, size=height - 2), Child(Text([[("below", "")]]))])
    async with form(stack) as (app, pilot):
        for word in ("Why", "Depth", "Kind", "Sure", "Keep it"):
            await pilot.press("enter" if word == "Why" else "tab")
            assert any(word in line for line in painted(app.loss)), word


async def test_an_editor_is_written_in_and_sent_with_ctrl_s() -> None:
    async with form(Editor("one\ntwo", id="note", title="Notes")) as (app, pilot):
        assert any("two" in line for line in painted(app.loss))
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.focused, EditorArea)
        assert app.loss.has_focus_within
        await pilot.press("down", "end", "enter", *"three q")
        assert sent(app) == []
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert sent(app) == [EditorSubmitted(editor="note", text="one\ntwo\nthree q")]
        assert app.focused is app.loss
        assert not app.loss.query(EditorArea)


async def test_an_editor_keeps_its_draft_and_a_new_one_begins_anew() -> None:
    async with form(Editor("one", id="note")) as (app, pilot):
        await pilot.press("enter", "X", "escape")
        await pilot.pause()
        assert app.focused is app.loss
        assert any("Xone" in line for line in painted(app.loss))
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.focused, EditorArea)
        assert app.focused.text == "Xone"
        app.loss.process.show(Editor("fresh", id="other"))  # type: ignore[union-attr]
        app.loss.refresh_from_process()
        await pilot.pause()
        assert not app.loss.query(EditorArea)
        assert any("fresh" in line for line in painted(app.loss))


async def test_too_long_a_text_is_not_sent_and_says_so() -> None:
    async with form(Editor("", max_length=5)) as (app, pilot):
        await pilot.press("enter", *"abcdef", "ctrl+s")
        await pilot.pause()
        assert sent(app) == []
        assert any("6 characters; 5 at most" in line for line in painted(app.loss))


async def test_a_table_without_a_selection_scrolls_and_says_where_it_is() -> None:
    async with running(LONG) as (app, pilot):
        assert "row 0" in painted(app.loss)[2]
        await pilot.press("pagedown", "down")
        assert "row 11" in painted(app.loss)[2]
        assert "12-" in painted(app.loss)[1]
        assert "of 200" in painted(app.loss)[1]
        for _ in range(30):
            await pilot.press("pagedown")
        assert any("row 199" in line for line in painted(app.loss))
        assert sent(app) == []


async def test_a_long_table_follows_its_selection_however_fast_the_keys_come() -> None:
    table = Table(LONG.columns, LONG.rows, selected=0)
    async with running(table) as (app, pilot):
        await pilot.press("down", "down", "down", "enter")
        assert [(one.kind, one.row) for one in sent(app)] == [
            ("select", 1), ("select", 2), ("select", 3), ("activate", 3),
        ]  # fmt: skip
        app.loss.process.show(Table(LONG.columns, LONG.rows, selected=150))  # type: ignore[union-attr]
        app.loss.refresh_from_process()
        assert any("row 150" in line for line in painted(app.loss))


async def test_a_double_click_activates_the_row_under_the_mouse() -> None:
    table = Table(LONG.columns, LONG.rows, selected=0)
    async with running(table) as (app, pilot):
        await pilot.click(app.loss, offset=(6, 5), times=2)
        assert [(one.kind, one.row) for one in sent(app)] == [("select", 3), ("activate", 3)]


async def test_an_ordinary_panel_offers_no_form() -> None:
    async with running() as (app, pilot):
        await pilot.press("enter", "ctrl+s")
        assert sent(app) == []
        assert app.loss.check_action("fill_in", ()) is False
