"""Editing options in their rows: typed, judged by the core while it is typed, taken or left."""

from __future__ import annotations

from textual import on
from textual.content import Content
from textual.widgets import Static

from nanochat_host.core.wire_config import FieldInfo
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.configure.draft import NAME, NPROC, Form
from nanochat_host.ui.configure.look import Look
from nanochat_host.ui.configure.option_pane import OptionPane
from nanochat_host.ui.configure.option_rows import problems_of, value_of
from nanochat_host.ui.configure.words import OWN_HINTS, hint_text, takes, value_text
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.screens.base import HostScreen


class EditingScreen(HostScreen):
    """A screen with an OptionPane, and a line `#hint` for what its row has no room for. form: what
    is edited; look: what the core says of it, set when the screen is mounted."""

    look: Look

    def __init__(self) -> None:
        super().__init__()
        self.form = Form()

    @property
    def pane(self) -> OptionPane:
        return self.query_one(OptionPane)

    def judge(self) -> bool:
        """Say in its row what the core thinks of the value under way. True if it will not do: then
        nothing else is shown anew, since what is half typed is no finding yet."""
        pane = self.pane
        problem = problems_of(self.look.report, self.form).get(pane.editing)
        if problem is None:
            if pane.editing:
                pane.say(self._range(pane.editing), False)
            return False
        near = value_text(problem.nearest)
        tab = f"; tab puts {near}" if problem.nearest is not None else ""
        pane.say(f"{clean(problem.message)}{tab}", True, near)
        text = f"{clean(problem.name)} {clean(problem.message)}{tab}"
        self.query_one("#hint", Static).update(Content.styled(text, "$text-error"))
        return True

    def _range(self, key: str) -> str:
        """What the option under the editor takes."""
        field = self.field(key)
        return takes(field) if field is not None else ""

    @on(RowList.Moved, "#options")
    def _option_moved(self) -> None:
        self.hint()

    def hint(self) -> None:
        """All about the option under the cursor, for which its row may have no room."""
        key = self.pane.table.key
        field, text = self.field(key), OWN_HINTS.get(key, "")
        if field is not None:
            now, then = (value_of(r, self.form, key) for r in (self.look.report, self.look.before))
            text = hint_text(field, now, then)
        self.query_one("#hint", Static).update(Content(text))

    def field(self, key: str) -> FieldInfo | None:
        for stage, schema in self.look.schemas().items():
            for field in schema.fields:
                if self.form.key_of(stage, field.name) == key:
                    return field
        return None

    def value(self, key: str) -> str:
        draft = self.form.draft
        if key == NAME:
            return draft.name
        if key == NPROC:
            return str(draft.nproc or "")
        if isinstance(draft.edits.get(key), str):
            return str(draft.edits[key])
        value = value_of(self.look.report, self.form, key)
        return value_text(value.value) if value else ""

    def action_cycle(self, step: int) -> None:
        if self.pane.table.has_focus:
            self.cycle(self.pane.table.key, step)

    def cycle(self, key: str, step: int) -> bool:
        """The next choice of an option that has some; False for one that is typed."""
        field = self.field(key)
        choices = field.choices if field is not None else None
        if field is not None and field.type == "bool" and not choices:
            choices = [False, True]
        if not choices:
            return False
        value = value_of(self.look.report, self.form, key)
        at = choices.index(value.value) if value and value.value in choices else -step
        self.form.put(key, choices[(at + step) % len(choices)])
        self.look.ask()
        return True

    @on(OptionPane.Typed)
    def _typing(self, message: OptionPane.Typed) -> None:
        if message.key.startswith("$"):
            trouble = self.form.put_own(message.key, message.text) if message.text else ""
            self.pane.say(trouble or OWN_HINTS[message.key], bool(trouble))
        elif message.text != self.pane.began_with:
            self.look.ask((message.key, message.text))
        else:
            self.look.ask()

    @on(OptionPane.Taken)
    def _take(self, message: OptionPane.Taken) -> None:
        self.host.work(self._settle(message), "settle")

    async def _settle(self, message: OptionPane.Taken) -> None:
        """Take what was typed if it will do; else the line stays, with the reason."""
        key, text, pane = message.key, message.text, self.pane
        if key.startswith("$"):
            trouble = self.form.put_own(key, text)
            if trouble:
                pane.say(trouble, True)
                return
        elif text != pane.began_with:
            report = await self.look.at(self.form.wish((key, text)))
            if report is None or key in problems_of(report, self.form):
                return
            if text.strip():
                self.form.put(key, text)
            else:
                self.form.reset(key, "")
        pane.close()
        if message.move:
            pane.table.action_move(message.move)
        self.look.ask()
        self.refresh_bar()

    @on(OptionPane.Left)
    def _left(self) -> None:
        self.look.ask()

    def action_reset(self) -> None:
        key = self.pane.table.key
        value = value_of(self.look.report, self.form, key)
        if self.form.reset(key, value.source if value else ""):
            self.look.ask()
            self.refresh_bar()
