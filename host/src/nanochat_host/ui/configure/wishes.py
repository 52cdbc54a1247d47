"""What a person asks of a draft: a prefab, a machine, fixes, a file of its own, a start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from nanochat_sdk import format as fmt

from nanochat_host.core import calls_config as calls
from nanochat_host.core.wire_config import ConfigSchema, SavePrefab, TargetReport
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.configure.draft import NPROC, Form
from nanochat_host.ui.configure.finding_rows import Found, findings
from nanochat_host.ui.configure.look import Look
from nanochat_host.ui.configure.option_rows import value_of
from nanochat_host.ui.configure.words import fix_text
from nanochat_host.ui.controls.row_list import ListColumn, Row
from nanochat_host.ui.messages import StartWanted
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.choose import ChooseScreen
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

HERE = "here"
COUNTS = (1, 2, 4, 8, 16, 32)
WARNINGS_SHOWN = 5


class Wishes:
    """Runs in workers of the app: it may wait for answers of the person and of the core."""

    def __init__(self, app: NanochatApp, form: Form, look: Look) -> None:
        self._app = app
        self._form = form
        self._look = look

    async def choose_prefab(self) -> None:
        """Put a prefab under the draft; what was changed stays on top."""
        from nanochat_host.ui.screens.prefabs import PrefabScreen

        form = self._form
        if form.target is None:
            return
        chosen = await self._app.push_screen_wait(
            PrefabScreen(form.target.checkout, form.target.stages, form.draft.prefab)
        )
        if chosen is not None:
            form.draft.prefab = chosen
            # What a fix left out of the old one says nothing about the new.
            edits = form.draft.edits
            form.draft.edits = {key: value for key, value in edits.items() if value is not None}
        self._look.ask()

    async def choose_gpu(self) -> None:
        """Plan for this machine, or for a number of GPUs of a kind."""
        link = self._app.link
        kinds = await link.request(link.client.ask(calls.gpus()))
        if kinds is None:
            return
        rows = [Row(HERE, (("this machine", ""), ("what the run would start on", "muted")))]
        for kind in kinds:
            for count in COUNTS:
                price = fmt.dollars(kind.usd_per_hour * count)
                about = f"{fmt.size(kind.memory_bytes)} each, about {price} an hour"
                rows.append(
                    Row(f"{count}:{kind.name}", ((f"{count} x {kind.name}", ""), (about, "muted")))
                )
        form = self._form
        now = f"{form.gpus}:{form.gpu}" if form.gpu else HERE
        columns = (ListColumn("", 22), ListColumn(""))
        title = "Plan for (type: 8 x h100)"
        picked = await self._app.push_screen_wait(ChooseScreen(title, columns, rows, now))
        if picked:
            number, _, name = picked.partition(":")
            form.gpu, form.gpus = ("", 1) if picked == HERE else (name, int(number))
            self._look.ask()

    def accept(self, found: Sequence[Found]) -> None:
        """Take the fixes over. The gravest comes first, and counts where two want the same."""
        changes: dict[str, Any] = {}
        for item in found:
            for key, value in item.changes(self._form).items():
                changes.setdefault(key, value)
        if not changes:
            self._app.tell("no finding here has a value to accept")
            return
        for key, value in changes.items():
            if key != NPROC:
                self._form.put(key, value)
            elif self._form.gpu:
                self._form.gpus = int(value)
            else:
                self._form.draft.nproc = int(value)
        self._look.ask()

    async def save_as(self) -> None:
        """Save what was changed as a prefab of one's own that rests on the one below."""
        form, draft = self._form, self._form.draft
        if form.target is None or not any(value is not None for value in draft.edits.values()):
            self._app.tell("nothing was changed yet: there is nothing to save")
            return
        begun = draft.prefab.strip("$") or form.target.name
        name = await self._app.push_screen_wait(
            AskScreen(
                "Save as prefab", f"my-{begun}", "holds only what differs; others can extend it"
            )
        )
        if not name or not name.strip():
            return
        link = self._app.link
        known = await link.request(link.client.ask(calls.prefabs()))
        if known is None:
            return
        name = name.strip()
        own = next((info for info in known if info.name == name and info.origin == "yours"), None)
        if own is not None and name != draft.prefab and not await self._sure(name):
            return
        for wish in self._files(name, "" if own is not None else draft.prefab):
            if await link.request(link.client.ask(calls.save_prefab(wish))) is None:
                return
        draft.prefab, draft.edits, draft.filled = name, {}, frozenset()
        self._look.forget()
        self._look.ask()
        self._app.tell(f"saved as {clean(name)}")

    async def _sure(self, name: str) -> bool:
        text = "It is changed in place: its comments, its order and what it extends stay."
        choice = Choice("edit", "e", "change it", "the values here go over its own", "warning")
        title = f"{clean(name)} is there already"
        answer = await self._app.push_screen_wait(ConfirmScreen(title, text, [choice]))
        return answer == "edit"

    def _files(self, name: str, extends: str) -> list[SavePrefab]:
        """A request for each stage that was changed."""
        form = self._form
        assert form.target is not None
        wishes: dict[str, SavePrefab] = {}
        for key, edit in form.draft.edits.items():
            scope, _, option = key.rpartition(".")
            stage = scope or form.target.stages[0]
            wish = wishes.setdefault(
                stage, SavePrefab(name, form.target.checkout, stage, extends if not wishes else "")
            )
            value = value_of(self._look.report, form, key)
            if edit is None:
                wish.reset.append(option)
            else:
                wish.options[option] = value.value if value else edit
        return list(wishes.values())

    async def start(self, schemas: Mapping[str, ConfigSchema]) -> None:
        """Look once more, on this machine; refuse errors, ask about warnings, start."""
        form = self._form
        request = form.request()
        if form.target is None or request is None:
            return
        if form.target.error:
            self._app.tell(clean(form.target.error), "error")
            return
        if self._look.report is not None and self._look.report.unasked:
            self._app.tell("asking the checkout whether the checkpoint fits, then it starts")
        report = await self._look.at(replace(form.here(), ask=True))
        if report is None:
            return
        if missing := _missing(report, schemas):
            self._app.tell(f"still needed: {clean(', '.join(missing))}", "warning")
            return
        found = findings(report)
        errors = [item for item in found if item.finding.severity == "error"]
        if errors:
            self._refuse(errors)
            return
        warnings = [item for item in found if item.finding.severity == "warning"]
        if not warnings or await self._past(warnings):
            self._app.post_message(StartWanted(request))

    def _refuse(self, errors: Sequence[Found]) -> None:
        """Say the first reason; all of them stand in the pane, for this machine."""
        first, form = errors[0], self._form
        where = f"{first.stage}: " if form.target and form.target.pipeline and first.stage else ""
        more = f" (and {len(errors) - 1} more)" if errors[1:] else ""
        way = fix_text(first.finding) or first.finding.fix_note
        hint = f"\n1 or a: {clean(way)}" if first.fixable else f"\n{clean(way)}" if way else ""
        self._app.tell(
            f"not started: {clean(where + first.finding.what)}{more}{clean(hint)}", "error", 10.0
        )
        if form.gpu:
            form.gpu, form.gpus = "", 1
            self._look.ask()

    async def _past(self, warnings: Sequence[Found]) -> bool:
        lines = [f"! {clean(item.finding.what)}\n  {clean(item.finding.why)}" for item in warnings]
        more = len(lines) - WARNINGS_SHOWN
        lines = [*lines[:WARNINGS_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        one = "a warning" if len(warnings) == 1 else f"{len(warnings)} warnings"
        choice = Choice("start", "s", "start", "all the same", "warning")
        screen = ConfirmScreen(f"Start with {one}?", "\n".join(lines), [choice])
        answer = await self._app.push_screen_wait(screen)
        return answer == "start"


def _missing(report: TargetReport, schemas: Mapping[str, ConfigSchema]) -> list[str]:
    """Required options without a value."""
    found: list[str] = []
    for step in report.steps:
        values = {v.name: v.value for v in step.config.values} if step.config else {}
        schema = schemas.get(step.config.stage) if step.config else None
        needed = [field for field in schema.fields if field.required] if schema else []
        found += [f.flag or f.name for f in needed if values.get(f.name) is None]
    return found
