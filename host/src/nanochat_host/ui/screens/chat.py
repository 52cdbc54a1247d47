"""Talk to checkpoints: choose one, or two to hear side by side; answers appear as they are said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from nanochat_host.core import calls_chat as calls
from nanochat_host.core import calls_checkpoints
from nanochat_host.core.wire_chat import ChatInfo, NewChat, Preset, SavePresets, Say
from nanochat_host.core.wire_checkpoints import CheckpointInfo
from nanochat_host.errors import NanochatCliError, UsageError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.controls.talk_view import TalkView
from nanochat_host.ui.model import Topic
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.base import HostScreen
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen
from nanochat_host.ui.talk import Talk, read_settings, settings_line

SIDES = 2
PAINT_S = 1 / 30
"""Words of a fast model are painted together."""
FOUND = "chat:"
PRESET_KEYS = "1234567890"


class ChatScreen(HostScreen):
    """Every wish goes to the core; the models live in drivers of its own."""

    mode = "chat"
    CSS_PATH = "chat.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Talk to"),
        Binding("v", "beside", "Side by side"),
        Binding("ctrl+r", "presets", "Prompts"),
        Binding("ctrl+s", "keep", "Keep prompt", show=False),
        Binding("ctrl+t", "settings", "Temperature, top-k"),
        Binding("ctrl+n", "anew", "New chat", show=False),
        Binding("ctrl+f", "find", "Transcripts"),
        Binding("escape", "back", "Stop, back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.talk = Talk()
        self.chosen: list[tuple[str, str]] = []
        self._listed: dict[str, tuple[str, CheckpointInfo]] = {}
        self._found: list[ChatInfo] | None = None
        self._dirty = False

    def body(self) -> Iterable[Widget]:
        with Horizontal():
            yield RowList(ListColumn("", 2, keep=9), ListColumn("", keep=8), id="checkpoints")
            with Vertical(id="right"):
                with Horizontal(id="heads"):
                    for side in range(SIDES):
                        yield Static(id=f"head{side}", classes="head")
                with Horizontal(id="voices"):
                    for side in range(SIDES):
                        voice = TalkView(id=f"voice{side}")
                        voice.add_class("voice")
                        yield voice
                yield Static(id="settings")
                yield Input(placeholder="say something", id="prompt", compact=True)

    def on_mount(self) -> None:
        self.query_one("#checkpoints", RowList).focus()
        self.set_interval(PAINT_S, self._paint_if_dirty)
        self._paint()

    def place(self) -> str:
        return " | ".join(name for _, name in self.chosen) or "choose a checkpoint"

    def show_model(self, topics: Topic) -> None:
        if topics & (Topic.RUNS | Topic.CORE):
            self.host.work(self._read(), "checkpoints")

    async def _read(self) -> None:
        """What there is to talk to, in every checkout."""
        rows: list[Row] = []
        listed: dict[str, tuple[str, CheckpointInfo]] = {}
        for ref in self.model.checkouts:
            try:
                found = await self.host.link.client.ask(calls_checkpoints.checkpoints(ref.name))
            except (NanochatCliError, OSError) as error:
                rows.append(Row("", (("!", "error"), (clean(str(error)), "error"))))
                continue
            rows.append(Row("", (("", ""), (clean(ref.name), "title"))))
            if not found.checkpoints:
                rows.append(Row("", (("", ""), ("nothing saved yet", "muted"))))
            for info in reversed(found.checkpoints):
                key = f"{ref.name}:{info.id}"
                listed[key] = (ref.name, info)
                rows.append(self._row(key, info))
        self._listed = listed
        if self._found is None:
            self._list(rows)
        if wanted := self.host.starting.chat:
            self.host.starting.chat = None
            self._begin([wanted])

    def _row(self, key: str, info: CheckpointInfo) -> Row:
        checkout = key.partition(":")[0]
        if info.state == "broken":
            return Row(key, (("!", "error"), (clean(info.id), "muted")))
        mark = {0: "▸", 1: "▹"}.get(self._side_of(checkout, info.id), "·")
        return Row(key, ((mark, "accent"), (clean(info.id), "")))

    def _side_of(self, checkout: str, name: str) -> int:
        pair = (checkout, name)
        return self.chosen.index(pair) if pair in self.chosen else -1

    def _list(self, rows: list[Row]) -> None:
        self.query_one("#checkpoints", RowList).set_rows(rows, empty="asking the core …")

    @on(RowList.Chosen, "#checkpoints")
    def _row_chosen(self, message: RowList.Chosen) -> None:
        if message.key.startswith(FOUND):
            self.host.work(self._open(message.key.removeprefix(FOUND)), "chat")
        elif message.key in self._listed:
            checkout, info = self._listed[message.key]
            self._begin([(checkout, info.id)])

    def action_choose(self) -> None:
        self.query_one("#checkpoints", RowList).action_choose()

    def action_beside(self) -> None:
        """The checkpoint under the cursor as a second voice; once more takes it away."""
        checkout, info = self._listed.get(self.query_one("#checkpoints", RowList).key, ("", None))
        if info is None or not self.chosen:
            self.host.tell("choose one with Enter first, then a second with v")
        elif self._side_of(checkout, info.id) == 1:
            self._begin(self.chosen[:1])
        elif checkout != self.chosen[0][0]:
            self.host.tell("both must be of one checkout", "warning")
        else:
            self._begin([self.chosen[0], (checkout, info.id)])

    def action_anew(self) -> None:
        if self.chosen:
            self._begin(self.chosen)

    def _begin(self, chosen: list[tuple[str, str]]) -> None:
        if self.talk.answering:
            self.host.tell("an answer is under way: Esc stops it", "warning")
            return
        self.host.work(self._start(chosen), "chat")

    async def _start(self, chosen: list[tuple[str, str]]) -> None:
        wish = NewChat(chosen[0][0], [name for _, name in chosen])
        try:
            info = await self.host.link.client.ask(calls.begin_chat(wish))
        except (NanochatCliError, OSError) as error:
            self.host.tell(clean(str(error)), "error", 10.0)
            return
        self.chosen = chosen
        self.talk = Talk(info, self.talk.settings)
        self._after_change()

    async def _open(self, chat_id: str) -> None:
        chat = await self.host.link.request(self.host.link.client.ask(calls.chat(chat_id)))
        if chat is not None:
            self.talk.open(chat)
            self.chosen = [(chat.info.checkout, name) for name in chat.info.checkpoints]
            self._found = None
            self._after_change()

    def _after_change(self) -> None:
        self.host.work(self._read(), "checkpoints")
        self._paint()
        self.query_one("#prompt", Input).focus()
        self.refresh_bar()

    @on(Input.Submitted, "#prompt")
    def _said(self, message: Input.Submitted) -> None:
        if self.talk.info is None:
            self.host.tell("choose a checkpoint first")
        elif self.talk.answering:
            self.host.tell("an answer is under way: Esc stops it", "warning")
        elif message.value.strip():
            self.talk.ask(message.value)
            message.input.value = ""
            self._dirty = True
            self.host.work(self._answer(self.talk, message.value), "say")

    async def _answer(self, talk: Talk, prompt: str) -> None:
        assert talk.info is not None
        ended = False
        try:
            call = calls.say(talk.info.id, Say(prompt, talk.settings))
            async for event in self.host.link.client.listen(call):
                talk.take(event)
                ended = event.event == "done"
                self._dirty = True
            if not ended:
                talk.fail("the core went before the answer ended; say it again")
        except (NanochatCliError, OSError) as error:
            talk.fail(clean(str(error)))
        finally:
            talk.answering = False
            self._dirty = True

    def _paint_if_dirty(self) -> None:
        if self._dirty:
            self._paint()

    def _paint(self) -> None:
        self._dirty = False
        info = self.talk.info
        for side in range(SIDES):
            shown = side < self.talk.sides
            head, voice = self.query_one(f"#head{side}", Static), self.query_one(f"#voice{side}")
            head.display = voice.display = shown
            if shown and isinstance(voice, TalkView):
                name = clean(info.checkpoints[side]) if info else "nobody to talk to yet"
                head.update(Content(name))
                voice.set_lines(self.talk.lines(side))
        mode = f"{info.mode} · " if info else ""
        device = f" · {clean(self.talk.device)}" if self.talk.device else ""
        line = f"{mode}{settings_line(self.talk.settings)}{device}"
        self.query_one("#settings", Static).update(Content(line))

    def action_settings(self) -> None:
        self.host.work(self._ask_settings(), "ask")

    async def _ask_settings(self) -> None:
        value, hint = settings_line(self.talk.settings), "temperature 0 takes the likeliest token"
        while (
            text := await self.host.push_screen_wait(AskScreen("Settings", value, hint))
        ) is not None:
            try:
                self.talk.settings = read_settings(text)
            except UsageError as error:
                value, hint = text, clean(str(error))
                continue
            self._paint()
            return

    def action_presets(self) -> None:
        self.host.work(self._ask_preset(), "ask")

    async def _ask_preset(self) -> None:
        presets = await self.host.link.request(self.host.link.client.ask(calls.prompts()))
        mode = self.talk.info.mode if self.talk.info else "chat"
        fit = [preset for preset in presets or [] if preset.mode == mode][: len(PRESET_KEYS)]
        choices = [
            Choice(str(at), PRESET_KEYS[at], clean(p.title), clean(" ".join(p.prompt.split()))[:50])
            for at, p in enumerate(fit)
        ]
        text = "Enter puts it into the line, where it can be edited; ctrl+s keeps the line."
        picked = await self.host.push_screen_wait(ConfirmScreen("Prompts", text, choices))
        if picked:
            prompt = self.query_one("#prompt", Input)
            prompt.value = fit[int(picked)].prompt
            prompt.focus()
            prompt.action_end()

    def action_keep(self) -> None:
        """The line under way becomes a preset."""
        prompt = self.query_one("#prompt", Input).value.strip()
        if prompt:
            self.host.work(self._keep(prompt), "ask")

    async def _keep(self, prompt: str) -> None:
        title = await self.host.push_screen_wait(AskScreen("Name of the prompt", prompt[:40]))
        client, request = self.host.link.client, self.host.link.request
        if not title or (known := await request(client.ask(calls.prompts()))) is None:
            return
        mode = self.talk.info.mode if self.talk.info else "chat"
        kept = [Preset(title[:80], prompt, mode), *(p for p in known if p.title != title)]
        if await request(client.ask(calls.save_prompts(SavePresets(kept)))) is not None:
            self.host.tell(f"kept as {clean(title)}")

    def action_find(self) -> None:
        self.host.work(self._find(), "ask")

    async def _find(self) -> None:
        words = await self.host.push_screen_wait(AskScreen("Words said in a chat", "", "none: all"))
        if words is None:
            return
        found = await self.host.link.request(self.host.link.client.ask(calls.chats(words)))
        if found is None:
            return
        self._found = found
        rows = [Row("", (("", ""), (f"{len(found)} chats", "title")))]
        rows += [Row(f"{FOUND}{c.id}", (("·", "accent"), (clean(c.title), ""))) for c in found]
        self._list(rows)
        self.query_one("#checkpoints", RowList).focus()

    async def action_back(self) -> None:
        """Stop the answer; else from the line to the list, from transcripts to checkpoints, out."""
        if self.talk.answering and self.talk.info is not None:
            await self.host.link.request(
                self.host.link.client.ask(calls.stop_chat(self.talk.info.id))
            )
        elif not self.query_one("#checkpoints", RowList).has_focus:
            self.query_one("#checkpoints", RowList).focus()
        elif self._found is not None:
            self._found = None
            self.host.work(self._read(), "checkpoints")
        else:
            await self.host.action_back()
