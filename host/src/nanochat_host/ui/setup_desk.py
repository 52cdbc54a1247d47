"""What a person does to get a checkout ready: asked where there is a choice, then sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanochat_host.core import calls_setup as calls
from nanochat_host.core.wire import AddCheckout, StartRun
from nanochat_host.core.wire_setup import MakeEnv, SetupItem, SetupStatus
from nanochat_host.packs.sanitize import clean
from nanochat_host.paths import expand
from nanochat_host.ui.messages import ShowRun
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.ask_path import AskPathScreen
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

DEFAULT_SHARDS = 8
"""About 2 GB of nanochat's text: enough for a tokenizer and a first small model."""
KINDS = {
    "own": "its own .venv",
    "made": "made by nanochat-cli",
    "ours": "the one nanochat-cli runs in",
    "chosen": "chosen before",
}


class SetupDesk:
    """Each method answers one Enter; it waits for the person and for the core."""

    def __init__(self, app: NanochatApp) -> None:
        self._app = app

    async def do(self, status: SetupStatus, item: SetupItem) -> None:
        """What Enter means on that line."""
        if item.run and item.id not in ("base", "chat"):
            self._app.desk.show_run(item.run)
            await self._app.action_show("log")
        elif item.run:
            self._app.post_message(ShowRun(item.run))
        elif item.id == "environment":
            await self._environment(status)
        elif item.id == "dataset":
            await self._dataset(status)
        elif item.id == "tokenizer":
            await self._tokenizer(status, item)
        elif item.id == "chat" and item.state == "ready":
            await self._app.action_show("chat")
        elif item.id in ("base", "chat") and item.todo:
            stage = "base_train" if item.id == "base" else "chat_sft"
            await self._app.action_new_run(f"{status.checkout}/{stage}")
        elif item.todo or item.said:
            self._app.tell(clean(item.said))

    async def add(self) -> str:
        """Register a folder typed by the person. Returns its name, "" if nothing was added."""
        value, help_text = f"{Path.home()}/", "the folder that holds nanochat's scripts/"
        while True:
            screen = AskPathScreen("Add a checkout", value, help_text)
            text = await self._app.push_screen_wait(screen)
            if not text:
                return ""
            path = str(expand(text.strip()))
            link = self._app.link
            ref = await link.request(link.client.add_checkout(AddCheckout(path=path)))
            if ref is not None:
                link.reload()
                self._app.tell(f"added {clean(ref.name)}")
                return ref.name
            value = text  # the toast says what is wrong with it

    async def _environment(self, status: SetupStatus) -> None:
        name, env = status.checkout, status.env
        link = self._app.link
        plan = await link.request(link.client.ask(calls.plan_env(name, MakeEnv())))
        choices = []
        if plan:
            steps = ", ".join(step.title for step in plan)
            verb = "complete it" if env.torch and env.missing else "make it"
            choices.append(Choice("make", "m", verb, steps))
        others = [choice for choice in env.choices if not choice.used]
        for number, choice in enumerate(others, 1):
            torch = "" if choice.torch is None else f", torch {choice.torch or 'missing'}"
            help_text = f"{KINDS[choice.kind]}{torch}: {choice.path}"
            choices.append(Choice(f"use:{choice.path}", str(number), "use", clean(help_text)))
        choices.append(Choice("type", "t", "another", "type the path of an interpreter"))
        text = env.trouble or f"It runs with {env.interpreter}."
        title = f"Environment of {clean(name)}"
        answer = await self._app.push_screen_wait(ConfirmScreen(title, clean(text), choices))
        if answer == "make":
            run = await link.request(link.client.ask(calls.make_env(name, MakeEnv())))
            if run is not None:
                self._app.tell("the environment is being made; it goes on if you leave")
        elif answer == "type":
            asked = AskPathScreen("Python, or the folder of its environment", f"{Path.home()}/")
            if typed := await self._app.push_screen_wait(asked):
                await self._use(name, str(expand(typed.strip().rstrip("/"))))
        elif answer:
            await self._use(name, answer.removeprefix("use:"))

    async def _use(self, name: str, python: str) -> None:
        link = self._app.link
        self._app.tell("looking what it can do …")
        info = await link.request(link.client.ask(calls.use_env(name, python)))
        if info is not None and info.trouble:
            self._app.tell(clean(info.trouble), "warning")

    async def _dataset(self, status: SetupStatus) -> None:
        if "dataset" not in status.stages:
            self._app.tell(f"put text into {clean(status.data.folder)}; it has no downloader")
            return
        have = max(0, status.data.shards - 1)
        most = f"of {status.data.available - 1:,}; " if status.data.available else ""
        number = await self._number(
            "How many train shards?",
            str(max(DEFAULT_SHARDS, have)),
            f"{most}{have} are there and are not fetched again",
        )
        if number is not None:
            await self._start(status.checkout, "dataset", {"num_files": number})

    async def _tokenizer(self, status: SetupStatus, item: SetupItem) -> None:
        stage = "train"
        if item.state == "ready":
            choices = [Choice("train", "t", "train another", "replaces it: models need their own")]
            if "tok_eval" in status.stages:
                choices.insert(0, Choice("eval", "e", "evaluate", "how well it compresses text"))
            title = f"Tokenizer of {clean(status.checkout)}"
            stage = await self._app.push_screen_wait(ConfirmScreen(title, item.said, choices))
        if stage == "eval":
            await self._start(status.checkout, "tok_eval", {})
        elif stage == "train":
            info = await self._app.link.request(self._app.link.client.checkout(status.checkout))
            options = (
                next((s.options for s in info.stages if s.name == "tok_train"), []) if info else []
            )
            option = next((o for o in options if o.name == "vocab_size"), None)
            if option is None:
                await self._start(status.checkout, "tok_train", {})
                return
            number = await self._number("Size of the vocabulary?", str(option.default), option.help)
            if number is not None:
                await self._start(status.checkout, "tok_train", {"vocab_size": number})

    async def _number(self, question: str, value: str, help_text: str) -> int | None:
        """A whole number above 0, asked until there is one; None if the person gives up."""
        hint = clean(help_text)
        while True:
            text = await self._app.push_screen_wait(AskScreen(question, value, hint))
            if text is None:
                return None
            digits = text.strip().replace(",", "").replace("_", "")
            if digits.isdecimal() and int(digits) > 0:
                return int(digits)
            value, hint = text, f"`{clean(text)}` is no whole number above 0"

    async def _start(self, checkout: str, stage: str, options: dict[str, Any]) -> None:
        """Start a stage and stay here: its line shows how far it is."""
        link = self._app.link
        wish = StartRun(checkout, stage, options=options)
        if await link.request(link.client.start_run(wish)) is not None:
            self._app.tell(f"{stage} has begun; it goes on if you leave")
            link.reload()
