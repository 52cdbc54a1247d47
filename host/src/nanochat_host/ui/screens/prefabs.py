"""Choose a prefab: what it sets, whether it fits the checkout, and what it costs on which GPUs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from nanochat_sdk import format as fmt
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from nanochat_host.core import calls_config as calls
from nanochat_host.core.wire_config import MatrixRow, PrefabDetail, PrefabInfo
from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.configure.words import value_text
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen
from nanochat_host.ui.screens.dialog import Dialog

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

NONE = "$none"
PROBLEMS_SHOWN = 6


class PrefabScreen(Dialog[str | None]):
    """Dismissed with a prefab's name, "" for none, or None if the person thinks better of it."""

    CSS_PATH = "prefabs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel"),
        Binding("delete,D", "delete", "Delete yours"),
    ]

    def __init__(self, checkout: str, stages: tuple[str, ...], chosen: str) -> None:
        super().__init__()
        self._checkout = checkout
        self._stages = stages
        self._chosen = chosen
        self._infos: dict[str, PrefabInfo] = {}
        self._details: dict[str, PrefabDetail | str] = {}

    @property
    def host(self) -> NanochatApp:
        return cast("NanochatApp", self.app)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Content(f"Prefabs for {self._checkout}"), classes="title")
            with Horizontal():
                yield RowList(ListColumn("", 1), ListColumn(""), id="prefabs")
                yield RowList(
                    ListColumn("", 16, keep=9),
                    ListColumn("", 10, right=True, keep=8),
                    ListColumn("", 9, right=True, keep=7),
                    ListColumn("", 10, right=True, keep=6),
                    id="detail",
                )
            keys = "enter takes it   del deletes one of yours   esc cancels"
            yield Static(Content(keys), classes="keys")

    def on_mount(self) -> None:
        self.query_one("#detail").can_focus = False
        self.query_one("#prefabs", RowList).focus()
        self.host.work(self._read(), "prefabs")

    async def _read(self) -> None:
        link = self.host.link
        found = await link.request(link.client.ask(calls.prefabs()))
        self._infos = {info.name: info for info in found or []}
        rows = [Row(NONE, (("", ""), ("none", "")))]
        packs = sorted({info.origin for info in self._infos.values()} - {"yours", "shipped"})
        of_packs = [(clean(f"Pack {pack}"), pack) for pack in packs]
        for title, origin in [("Yours", "yours"), ("Shipped", "shipped"), *of_packs]:
            mine = [info for info in self._infos.values() if info.origin == origin]
            rows += [Row("", (("", ""), (title, "title")))] if mine else []
            rows += [_listed(info, self._stages) for info in mine]
        prefabs = self.query_one("#prefabs", RowList)
        prefabs.set_rows(rows)
        prefabs.select(self._chosen or NONE)

    @on(RowList.Moved, "#prefabs")
    def _moved(self, message: RowList.Moved) -> None:
        if message.key in self._infos and message.key not in self._details:
            self.host.work(self._look(message.key), f"prefab-{message.key}")
        self._show(message.key)

    async def _look(self, name: str) -> None:
        try:
            found = await self.host.link.client.ask(calls.prefab(name, self._checkout))
            self._details[name] = found
        except (NanochatCliError, OSError) as error:
            self._details[name] = str(error)
        if self.is_mounted and self.is_attached:
            self._show(self.query_one("#prefabs", RowList).key)

    def _show(self, key: str) -> None:
        detail = self.query_one("#detail", RowList)
        width = max(detail.size.width - 4, 20)
        found = self._details.get(key, "reading …")
        if key == NONE:
            rows = _text("every option as the script itself has it", width)
        elif isinstance(found, str):
            rows = _text(found, width, "muted" if key not in self._details else "error")
        else:
            rows = list(detail_rows(found, self._stages, width))
        detail.set_rows(rows)
        detail.scroll_home(animate=False)

    @on(RowList.Chosen, "#prefabs")
    def _picked(self, message: RowList.Chosen) -> None:
        self.dismiss("" if message.key == NONE else message.key)

    def action_delete(self) -> None:
        info = self._infos.get(self.query_one("#prefabs", RowList).key)
        if info is None:
            return
        if info.origin != "yours":
            self.host.tell(f"{clean(info.name)} is shipped and stays as it is")
        else:
            self.host.work(self._delete(info), "ask")

    async def _delete(self, info: PrefabInfo) -> None:
        name = clean(info.name)
        choice = Choice("delete", "y", "delete", "cannot be undone", "error")
        text = f"The file {clean(info.path)} goes for good."
        answer = await self.host.push_screen_wait(ConfirmScreen(f"Delete {name}?", text, [choice]))
        if answer:
            link = self.host.link
            gone = await link.request(link.client.ask(calls.delete_prefab(info.name)))
            if gone is not None:
                await self._read()


def detail_rows(found: PrefabDetail, stages: tuple[str, ...], width: int) -> Iterator[Row]:
    """What it is for, what it sets here, what does not fit, and the matrix."""
    info = found.info
    yield Row("", ((clean(info.title) or clean(info.name), "title"),))
    yield from _text(clean(info.help), width, "")
    if len(found.chain) > 1:
        yield from _text(f"extends {clean(' > '.join(found.chain[1:]))}", width)
    problems = [
        (stage, problem)
        for stage, many in found.problems.items()
        for problem in many
        if stage in stages or not stages
    ]
    for stage, problem in problems[:PROBLEMS_SHOWN]:
        near = f"; did you mean {problem.suggestion}?" if problem.suggestion else ""
        value = f" (not {value_text(problem.value)})" if problem.value is not None else ""
        what = f"{stage}: `{problem.name}` {problem.message}{value}{near}  {problem.where}"
        yield from _text(f"✗ {clean(what)}", width, "error")
    if len(problems) > PROBLEMS_SHOWN:
        yield from _text(
            f"and {len(problems) - PROBLEMS_SHOWN} more that do not fit", width, "error"
        )
    if found.matrix:
        yield Row("", ())
        head = f"depth {found.depth}, {fmt.tokens(found.tokens)}; what follows is estimated"
        yield from _text(head, width)
        titles = ("GPUs", "rows each", "time", "cost")
        yield Row("", tuple((title, "muted") for title in titles))
        yield from (
            _machine(row, row.gpus == info.gpus and row.gpu == info.gpu) for row in found.matrix
        )
    for stage, options in found.stages.items():
        if options and (stage in stages or not stages):
            yield Row("", ())
            yield Row("", ((clean(stage), "title"),))
            for name, value in options.items():
                yield Row("", ((f"{clean(name)} = {value_text(value)}", ""),))


def _machine(row: MatrixRow, meant: bool) -> Row:
    name = (f"{row.gpus} x {clean(row.gpu)}", "accent" if meant else "")
    if not row.fits:
        return Row("", (name, ("too large", "error"), ("", ""), ("", "")))
    time = (fmt.duration(3600 * row.hours), "")
    return Row("", (name, (str(row.device_batch_size), ""), time, (fmt.dollars(row.usd), "")))


def _listed(info: PrefabInfo, stages: tuple[str, ...]) -> Row:
    if info.error:
        return Row(info.name, (("!", "error"), (clean(info.name), "error")))
    meant = info.extends or not stages or set(stages) & set(info.stages)
    return Row(info.name, (("", ""), (clean(info.name), "" if meant else "muted")))


def _text(text: str, width: int, style: str = "muted") -> list[Row]:
    return [Row("", ((line, style),)) for line in textwrap.wrap(text, width)]
