"""The side form: every option of the chosen panel, set while the panel runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from nanochat_host.errors import NanochatCliError
from nanochat_host.layout import edit
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.edit.fields import (
    Field,
    completed,
    completions,
    fields_of,
    parse,
    with_value,
)
from nanochat_host.ui.key_ids import with_ids

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp
    from nanochat_host.ui.edit.editor import Editor

NAMED = frozenset({"metric", "metrics", "run"})
"""Kinds whose values are names that the core knows."""


class SideForm(Vertical):
    """Lies over the half of the screen in which the panel is not. A value that is right takes
    effect as it is typed: the panel's worker is started with it, no other one notices."""

    DEFAULT_CSS = """
    SideForm {
        layer: form; position: absolute; width: 46; max-width: 100%; height: 1fr;
        background: $background; border: round $primary; padding: 0 1;
    }
    SideForm #form-title { color: $primary; text-style: bold; height: 1; }
    SideForm #fields { height: 1fr; min-height: 3; }
    SideForm #form-help { color: $foreground-muted; height: auto; max-height: 4; }
    SideForm #form-help.wrong { color: $error; }
    SideForm #form-value, SideForm #form-value:focus {
        background: $primary 20%; border: none; height: 1; padding: 0 1; display: none;
    }
    SideForm #form-names { height: auto; max-height: 6; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = with_ids(
        "form",
        [
            Binding("enter,space", "change", "Change", key_display="enter"),
            Binding("right", "pick(1)", show=False),
            Binding("left", "pick(-1)", show=False),
            Binding("delete,backspace", "reset", "Reset", key_display="del"),
            Binding("ctrl+z,u", "undo", "Undo", key_display="u"),
            Binding("ctrl+s", "save", "Save"),
            Binding("escape", "close", "Close", key_display="esc"),
        ],
    )

    def __init__(self, editor: Editor) -> None:
        super().__init__()  # no id: the one before may still be going
        self._editor = editor
        self._panel_id = editor.chosen
        self._screen_id = editor.screen.id
        entry = editor.view.entry if editor.view else None
        self._manifest = entry.panel if entry else None
        self._typing: Field | None = None
        self._known: list[str] = []
        self._names: dict[str, str] = {}

    @property
    def host(self) -> NanochatApp:
        """The app, by its own type."""
        return cast("NanochatApp", self.app)

    def compose(self) -> ComposeResult:
        view = self._editor.view
        title = clean(f"{view.title}  {view.placement.panel}") if view else ""
        yield Static(Content(title), id="form-title")
        yield RowList(ListColumn("", 17), ListColumn(""), id="fields")
        yield Input(id="form-value", compact=True, select_on_focus=True)
        yield RowList(ListColumn(""), id="form-names")
        yield Static(id="form-help")

    def on_mount(self) -> None:
        if not self.children:  # closed before it was open
            return
        self._move_aside()
        self.list_fields()
        self.query_one("#form-names", RowList).can_focus = False
        self.query_one("#fields", RowList).focus()

    def _move_aside(self) -> None:
        """To the side on which the panel is not, below the tabs."""
        view, grid = self._editor.view, self._editor.dashboard.grid
        height = grid.size.height if grid is not None else 20
        self.styles.height = height
        middle = view.region.x + view.region.width / 2 if view else 0
        left = 0 if middle > self.host.size.width / 2 else max(0, self.host.size.width - 46)
        self.styles.offset = (left, grid.region.y if grid is not None else 1)

    # The list

    @property
    def _fields(self) -> list[Field]:
        screen = self._editor.layout.screen(self._screen_id)
        panel = screen.panel(self._panel_id) if screen else None
        return fields_of(panel, self._manifest) if panel else []

    @property
    def field(self) -> Field | None:
        """The field under the cursor."""
        key = self.query_one("#fields", RowList).key
        return next((field for field in self._fields if field.key == key), None)

    def list_fields(self) -> None:
        """Write the values anew."""
        self.query_one("#fields", RowList).set_rows(
            [
                Row(
                    field.key,
                    (
                        (clean(field.label), "bold" if field.changed else ""),
                        (clean(self._shown(field)), "accent" if field.changed else "muted"),
                    ),
                )
                for field in self._fields
            ]
        )
        self._explain()

    @staticmethod
    def _shown(field: Field) -> str:
        return f"‹ {field.shown} ›" if field.picks else field.shown or "—"

    def _explain(self, wrong: str = "") -> None:
        field, help_line = self._typing or self.field, self.query_one("#form-help", Static)
        text = wrong or (field.help if field else "")
        if field is not None and field.changed and not wrong and self._typing is None:
            unset = field.unset or replace(field, value=field.default).text or "empty"
            text += f" del resets it to {unset}."
        help_line.set_class(bool(wrong), "wrong")
        help_line.update(Content(clean(text)))

    @on(RowList.Moved, "#fields")
    def _moved(self) -> None:
        self._explain()

    @on(RowList.Chosen, "#fields")
    def _chosen(self) -> None:
        self.action_change()

    def _set(self, field: Field, value: Any) -> None:
        """Take the value: on the screen at once, one step for undo while one field is typed."""
        screen_id, panel_id = self._screen_id, self._panel_id
        screen = self._editor.layout.screen(screen_id)
        panel = screen.panel(panel_id) if screen else None
        if panel is None:
            return
        new = with_value(panel, field.key, value)
        self._editor.do(
            f"{field.label} of {panel.title or panel.id}",
            lambda layout: edit.set_panel(
                layout, screen_id, panel_id, title=new.title, refresh_hz=new.refresh_hz,
                source=new.source, options=new.options,
            ),
            merge=f"{screen_id}.{panel_id}.{field.key}",
        )  # fmt: skip
        self.list_fields()

    # What keys do

    def action_change(self) -> None:
        """The next choice, or a line to type into."""
        field = self.field
        if field is None:
            return
        if field.picks:
            self.action_pick(1)
            return
        self._typing = field
        line = self.query_one("#form-value", Input)
        line.value = field.text if field.changed or not field.unset else ""
        line.display = True
        line.focus()
        if field.kind in NAMED:
            self.host.work(self._load_names(field), "form-names")

    def action_pick(self, steps: int) -> None:
        """The next of a few values."""
        field = self.field
        if field is not None and field.picks:
            now = field.picks.index(field.value) if field.value in field.picks else 0
            self._set(field, field.picks[(now + steps) % len(field.picks)])

    def action_reset(self) -> None:
        """The default again."""
        if (field := self.field) is not None:
            self._set(field, field.default)

    def action_save(self) -> None:
        """Save the layout."""
        self._editor.saving.start()

    def action_undo(self) -> None:
        """Take the last edit back, the form stays."""
        self._editor.undo()

    def action_close(self) -> None:
        """Back to the panel; while typing, back to the value before."""
        if self._typing is not None:
            self._set(self._typing, self._typing.value)
            self._end_typing()
        else:
            self._editor.close_form()

    # Typing

    async def _load_names(self, field: Field) -> None:
        """Metrics of the run, or runs, to choose from."""
        if field.kind == "run":
            self._known = [row.facts.id for row in self.host.model.runs]
        else:
            try:
                run = self.host.model.run_id
                found = await self.host.link.client.metrics(run) if run else []
                self._known = sorted(info.name for info in found)
            except (NanochatCliError, OSError):
                self._known = []
        self._suggest()

    def _suggest(self) -> None:
        names = self.query_one("#form-names", RowList)
        if self._typing is None or self._typing.kind not in NAMED:
            names.display = False
            return
        text = self.query_one("#form-value", Input).value
        found = completions(self._typing, text, self._known)
        runs = {row.facts.id: row.facts.name for row in self.host.model.runs}
        names.set_rows(
            [Row(name, ((clean(f"{name}  {runs.get(name, '')}".strip()), "muted"),))
             for name in found]
        )  # fmt: skip
        names.styles.height = max(1, len(found))
        names.display = bool(found)

    @on(Input.Changed, "#form-value")
    def _typed(self, message: Input.Changed) -> None:
        if self._typing is None:
            return
        self._suggest()
        try:
            value = parse(self._typing, message.value, self._manifest)
        except ValueError as error:
            self._explain(f"{self._typing.label} {error}")
            return
        self._explain()
        # An unfinished name is a name too: a source or a metric counts once it is entered.
        if self._typing.kind not in NAMED:
            self._set(self._typing, value)

    @on(Input.Submitted, "#form-value")
    def _entered(self, message: Input.Submitted) -> None:
        if self._typing is None:
            return
        try:
            value = parse(self._typing, message.value, self._manifest)
        except ValueError as error:
            self._explain(f"{self._typing.label} {error}")
            return
        self._set(self._typing, value)
        self._end_typing()

    @on(RowList.Chosen, "#form-names")
    def _name_chosen(self, message: RowList.Chosen) -> None:
        message.stop()
        self._complete(message.key)

    def _complete(self, name: str) -> None:
        line = self.query_one("#form-value", Input)
        if self._typing is not None and name:
            line.value = completed(self._typing, line.value, name)
            line.cursor_position = len(line.value)

    def on_key(self, event: events.Key) -> None:
        """While a name is typed, up and down choose another, tab takes it."""
        names = self.query_one("#form-names", RowList)
        if self._typing is None or not names.display:
            if event.key == "tab":
                event.prevent_default().stop()
            return
        if event.key in ("up", "down"):
            names.action_move(1 if event.key == "down" else -1)
        elif event.key == "tab":
            self._complete(names.key)
        else:
            return
        event.prevent_default().stop()

    def _end_typing(self) -> None:
        self._typing = None
        self.query_one("#form-value", Input).display = False
        self.query_one("#form-names", RowList).display = False
        self.query_one("#fields", RowList).focus()
        self._explain()
