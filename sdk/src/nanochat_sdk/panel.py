"""The class a panel author writes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

from nanochat_sdk.asks import Ask, Asked
from nanochat_sdk.data import Data, Needs
from nanochat_sdk.payload import Payload, notice
from nanochat_sdk.protocol import Act, Input, KeyHelp, View


class Size(NamedTuple):
    """Cells inside the panel's frame."""

    width: int
    height: int


class Panel:
    """A live panel: says what it needs, takes what is new, answers with a payload.

    The worker calls, in this order and never concurrently: `needs` once after construction and
    again after every frame; `update` with the new data; `on_input` for what the person did;
    `render` when a repaint is due. An exception in any of them is shown in the panel's frame.
    """

    keys: ClassVar[tuple[KeyHelp, ...]] = ()
    """Keys the panel listens to while it has the focus."""

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        self.options = SimpleNamespace(**(options or {}))
        self.view = View()
        self.status = ""
        self._acts: list[Act] = []
        self._asks: list[Asked] = []
        self._last_asked = 0

    def needs(self, size: Size) -> Needs:
        """What to be sent with each frame. size is (80, 24) before the first frame."""
        return Needs()

    def update(self, data: Data) -> bool:
        """New data arrived. Return True if a repaint is due."""
        return True

    def on_input(self, event: Input) -> bool:
        """The person pressed a declared key, chose a row, clicked, or sent a form or an editor
        (`FormSubmitted`, `EditorSubmitted`). True asks for a repaint."""
        return False

    def render(self, size: Size) -> Payload:
        """What to show, in `size` cells. Called only when a repaint is due."""
        return notice("This panel draws nothing", "override render()")

    def request(self, action: str, name: str = "", value: Any = None) -> None:
        """Ask the host to do something for the person (see `capabilities.ACTIONS`)."""
        self._acts.append(Act(action=action, name=name, value=value))

    def ask(self, what: Ask) -> int:
        """Ask the host for something that it answers later: a note, or a page from the network.

        Returns at once with a number; `update` gets the answer as `data.answers[number]`.
        """
        self._last_asked += 1
        self._asks.append(Asked(self._last_asked, what))
        return self._last_asked
