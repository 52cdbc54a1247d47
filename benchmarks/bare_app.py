"""The floor: a Textual app that does nothing but show the key that was pressed."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.events import Key
from textual.widgets import Static


class BareApp(App[None]):
    """One line of text, replaced at each key."""

    def compose(self) -> ComposeResult:
        yield Static("ready key=none", id="line")

    def on_key(self, event: Key) -> None:
        self.query_one("#line", Static).update(f"ready key={event.key}")


if __name__ == "__main__":
    BareApp().run()
