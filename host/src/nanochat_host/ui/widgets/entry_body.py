"""Filling in a panel's form or editor. The form is painted and kept here; an editor gets one text
area of the host's while the person writes in it.

Nothing reaches the panel before the person sends it, and then only what its fields allow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from nanochat_sdk.forms import BoolField, ChoiceField, Editor, Form
from nanochat_sdk.protocol import EditorSubmitted, FormSubmitted
from textual import events

from nanochat_host.ui.render import entry as entries
from nanochat_host.ui.render.draw import Leaf
from nanochat_host.ui.render.entry import Entry
from nanochat_host.ui.render.form import editor_head, field_at
from nanochat_host.ui.render.frame import SIDE
from nanochat_host.ui.widgets.table_body import TableBody

if TYPE_CHECKING:
    from nanochat_host.ui.widgets.editor_area import EditorArea

ENTRY_ACTIONS = frozenset({"fill_in", "leave_entry", "send_entry"})
"""Actions that need a form or an editor."""


class EntryBody(TableBody):
    """Keys go to the form while `filling`, to the panel and the app otherwise."""

    _area: EditorArea | None = None

    @property
    def filling(self) -> bool:
        """Keys go into the form or the editor."""
        entry = self.chart_view.entry
        return entry is not None and entry.active

    def entry_part(self) -> Leaf | None:
        """The form or the editor of the payload: it has one at most."""
        return self.part(Form) or self.part(Editor)

    def offers_entry(self, action: str) -> bool:
        """Whether one of `ENTRY_ACTIONS` makes sense now."""
        if action == "fill_in":
            return not self.filling and self.entry_part() is not None
        return self.filling

    def refresh_from_process(self) -> None:
        """A new payload may hold another form: what was typed into the old one goes."""
        entry = self.chart_view.entry
        if entry is not None:
            leaf = self.entry_part()
            payload = leaf.payload if leaf is not None else None
            if not isinstance(payload, Form | Editor) or not entries.fits(payload, entry):
                self._close_area()
                self._keep(None)
        super().refresh_from_process()

    def action_fill_in(self) -> None:
        """Keys go to the form, or into the editor."""
        leaf = self.entry_part()
        if leaf is not None and isinstance(leaf.payload, Form):
            self._keep(entries.enter(leaf.payload, self.chart_view.entry))
        elif leaf is not None and isinstance(leaf.payload, Editor):
            self._open_area(leaf, leaf.payload)

    def action_leave_entry(self) -> None:
        """Keys go to the panel again; what was typed stays until it is sent."""
        if self._area is not None:
            self.focus()
        elif self.chart_view.entry is not None:
            self._keep(entries.leave(self.chart_view.entry))

    def action_send_entry(self) -> None:
        """Check what was entered and hand it to the panel."""
        leaf, entry = self.entry_part(), self.chart_view.entry
        if leaf is None or entry is None:
            return
        if isinstance(leaf.payload, Form):
            self._send_form(leaf.payload, entry)
        elif isinstance(leaf.payload, Editor) and self._area is not None:
            self._send_text(leaf.payload, entry, self._area.text)

    def click_entry(self, leaf: Leaf, y: int) -> bool:
        """A click in row `y` of a leaf; False when that is neither a form nor an editor."""
        if isinstance(leaf.payload, Editor):
            self.action_fill_in()
            return True
        if not isinstance(leaf.payload, Form):
            return False
        form, entry = leaf.payload, self.chart_view.entry
        at = field_at(form, leaf.height, entry, y)
        if at is None:
            return True
        entry = entries.enter(form, entry, at)
        if at == len(form.fields):
            self._send_form(form, entry)
        elif isinstance(form.fields[at], BoolField | ChoiceField):
            self._keep(entries.press(form, entry, "space", " ") or entry)
        else:
            self._keep(entry)
        return True

    def on_key(self, event: events.Key) -> None:
        """While a form is filled in it takes the keys before any binding does."""
        leaf, entry = self.entry_part(), self.chart_view.entry
        if leaf is None or entry is None or not entry.active or not self.has_focus:
            return
        if not isinstance(leaf.payload, Form):
            return
        form = leaf.payload
        if event.key == "escape":
            self.action_leave_entry()
        elif event.key == "ctrl+s" or (event.key == "enter" and entry.at == len(form.fields)):
            self._send_form(form, entry)
        else:
            pressed = entries.press(form, entry, event.key, event.character)
            if pressed is None:
                return
            self._keep(pressed)
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """Into the field that keys go to."""
        leaf, entry = self.part(Form), self.chart_view.entry
        if leaf is not None and isinstance(leaf.payload, Form) and entry and entry.active:
            self._keep(entries.paste(leaf.payload, entry, event.text))
            event.stop()

    def on_blur(self) -> None:
        """The person went elsewhere: the form waits as it is."""
        entry = self.chart_view.entry
        if entry is not None and entry.active and self._area is None:
            self._keep(entries.leave(entry))

    def on_resize(self) -> None:
        """The text area stays over its editor."""
        leaf = self.entry_part()
        if self._area is not None and leaf is not None:
            self._place(self._area, leaf)

    def on_editor_area_left(self, event: EditorArea.Left) -> None:
        """It lost the focus: the draft is kept."""
        event.stop()
        entry = self.chart_view.entry
        self._close_area()
        if entry is not None:
            self._keep(replace(entry, typed={"": event.text}, active=False))

    def _send_form(self, form: Form, entry: Entry) -> None:
        values, at, wrong = entries.filled(form, entry)
        if wrong:
            self._keep(entries.blame(form, entry, at, wrong))
            return
        self._keep(None)
        self.ask(FormSubmitted(form=form.id, values=values))

    def _send_text(self, editor: Editor, entry: Entry, text: str) -> None:
        if len(text) > editor.max_length:
            wrong = f"{len(text):,} characters; {editor.max_length:,} at most"
            self._keep(replace(entry, typed={"": text}, wrong=wrong))
            return
        self._close_area()
        self._keep(None)
        self.focus()
        self.ask(EditorSubmitted(editor=editor.id, text=text))

    def _open_area(self, leaf: Leaf, editor: Editor) -> None:
        if self._area is not None:
            return
        entry = self.chart_view.entry
        draft = entry.typed.get("") if entries.fits(editor, entry) and entry else None
        text = draft if isinstance(draft, str) else editor.text
        self._keep(Entry(editor.id, active=True, typed={"": text}))
        from nanochat_host.ui.widgets.editor_area import EditorArea  # not before the first paint

        area = self._area = EditorArea(text)
        self._place(area, leaf)
        self.mount(area)
        area.focus()

    def _place(self, area: EditorArea, leaf: Leaf) -> None:
        assert isinstance(leaf.payload, Editor)
        head = min(editor_head(leaf.payload), max(0, leaf.height - 1))
        area.styles.offset = (SIDE + leaf.left, 1 + leaf.top + head)
        area.styles.width, area.styles.height = leaf.width, leaf.height - head

    def _close_area(self) -> None:
        if self._area is not None:
            self._area.leave()
            self._area = None

    def _keep(self, entry: Entry | None) -> None:
        """Paint the entry, and the keys that go with it."""
        was = self.filling
        self.set_chart_view(replace(self.chart_view, entry=entry))
        if self.filling is not was:
            self.refresh_bindings()
