"""Start a run: what to run on the left, its options on the right; Enter changes one, s starts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from nanochat_host.core.wire import CheckoutInfo, OptionInfo
from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.controls.search_line import SearchLine
from nanochat_host.ui.messages import StartWanted
from nanochat_host.ui.model import Topic
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.base import HostScreen
from nanochat_host.ui.start_form import NAME, NPROC, StartForm, Target, targets

GO = "$go"


class StartScreen(HostScreen):
    """Reads the checkouts' options through the core: what a script declares is what is offered."""

    mode = "start"
    CSS_PATH = "start.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,s", "start", "Start", key_display="s"),
        Binding("enter", "choose", "Change"),
        Binding("tab", "app.focus_next", "Other side"),
        Binding("slash", "filter", "Filter options", key_display="/"),
        Binding("backspace", "reset", "Default", show=False),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.form = StartForm()
        self._targets: dict[str, Target] = {}
        self._infos: dict[str, CheckoutInfo | str] = {}

    def body(self) -> Iterable[Widget]:
        with Horizontal():
            yield RowList(ListColumn("", 2, keep=9), ListColumn(""), id="targets")
            with Vertical(id="right"):
                yield Static(id="about")
                yield SearchLine("filter options", id="filter")
                yield RowList(
                    ListColumn("option", 26, keep=9),
                    ListColumn("value", 18, keep=9),
                    ListColumn("what it is", keep=5),
                    id="options",
                )

    def on_mount(self) -> None:
        self.query_one("#targets", RowList).focus()

    def place(self) -> str:
        target = self.form.target
        return target.key if target else "choose what to run"

    def show_model(self, topics: Topic) -> None:
        if topics & (Topic.RUNS | Topic.CORE):
            self.host.work(self._read(), "checkouts")

    async def _read(self) -> None:
        """Ask the core for each checkout it knows; one that cannot be read says why."""
        known = self.host.start_checkout or (self.form.target.checkout if self.form.target else "")
        for ref in self.model.checkouts:
            if ref.name in self._infos:
                continue
            try:
                self._infos[ref.name] = await self.host.link.client.checkout(ref.name)
            except (NanochatCliError, OSError) as error:
                self._infos[ref.name] = str(error)
        names = [ref.name for ref in self.model.checkouts]
        self._infos = {name: self._infos[name] for name in names if name in self._infos}
        self._list_targets()
        if known:
            self._prefer(known)

    def _prefer(self, checkout: str) -> None:
        first = next((t for t in self._targets.values() if t.checkout == checkout), None)
        if self.host.start_checkout and first is not None:
            self.query_one("#targets", RowList).select(first.key)
        self.host.start_checkout = ""

    def _list_targets(self) -> None:
        rows: list[Row] = []
        self._targets = {}
        for name, info in self._infos.items():
            if rows:
                rows.append(Row("", ()))
            rows.append(Row("", (("", ""), (clean(name), "title"))))
            if isinstance(info, str):
                rows.append(Row("", (("!", "error"), (clean(info), "error"))))
                continue
            for target in targets(info):
                self._targets[target.key] = target
                glyph = (
                    ("!", "error") if target.error else ("▸" if target.pipeline else "·", "accent")
                )
                rows.append(Row(target.key, (glyph, (clean(target.name), ""))))
        self.query_one("#targets", RowList).set_rows(rows, empty="asking the core …")

    @on(RowList.Moved, "#targets")
    def _target_moved(self, message: RowList.Moved) -> None:
        self.form.target = self._targets.get(message.key)
        self._list_options()
        self.refresh_bar()

    def _list_options(self) -> None:
        target = self.form.target
        if target is None:
            return
        about = clean(target.error or target.note)
        title = Content.assemble(
            (clean(target.name), "bold $primary"), "  ", (about, "$foreground-muted")
        )
        self.query_one("#about", Static).update(title)
        word = self.query_one("#filter", SearchLine).value.strip().lower()
        rows = [
            Row(GO, (("▸ start", "success-bold"), ("", ""), (f"{clean(target.key)}", "muted"))),
            self._row(NAME, "name of the run", "", "optional, for the run list"),
            self._row(NPROC, "processes", 1, "more than 1 runs under torchrun"),
        ]
        rows += [
            self._option_row(option)
            for option in target.options
            if word in f"{option.flag} {option.help}".lower()
        ]
        self.query_one("#options", RowList).set_rows(rows)

    def _option_row(self, option: OptionInfo) -> Row:
        help_text = option.help or (f"one of {option.choices}" if option.choices else option.type)
        return self._row(option.name, option.flag, option.default, help_text, option.required)

    def _row(
        self, name: str, label: str, default: object, help_text: str, required: bool = False
    ) -> Row:
        changed = name in self.form.values
        value = self.form.value(name, default)
        style = "accent" if changed else "muted"
        if required and not changed:
            value, style = "needed", "error"
        return Row(name, ((clean(label), "bold" if changed else ""), (clean(value), style),
                          (clean(help_text), "muted")))  # fmt: skip

    @on(RowList.Chosen, "#targets")
    def _target_chosen(self) -> None:
        self.query_one("#options", RowList).focus()

    @on(RowList.Chosen, "#options")
    def _option_chosen(self, message: RowList.Chosen) -> None:
        if message.key == GO:
            self.action_start()
        else:
            self.host.work(self._change(message.key), "ask")

    async def _change(self, name: str) -> None:
        """Ask for a value until it fits or the person gives up."""
        option = self.form.option(name)
        label = option.flag if option else {NAME: "name of the run", NPROC: "processes"}[name]
        hint = clean(option.help) if option else ""
        value = self.form.value(name, option.default if option else ("1" if name == NPROC else ""))
        while True:
            text = await self.host.push_screen_wait(AskScreen(clean(label), clean(value), hint))
            if text is None:
                return
            trouble = self.form.put(name, text)
            if not trouble:
                self._list_options()
                return
            value, hint = text, trouble

    @on(Input.Changed, "#filter")
    def _typed(self) -> None:
        self._list_options()

    @on(Input.Submitted, "#filter")
    def _done(self) -> None:
        self.query_one("#options", RowList).focus()

    def action_choose(self) -> None:
        if isinstance(self.focused, RowList):
            self.focused.action_choose()

    def action_filter(self) -> None:
        self.query_one("#filter", SearchLine).open()

    def action_reset(self) -> None:
        self.form.put(self.query_one("#options", RowList).key, "")
        self._list_options()

    def action_start(self) -> None:
        target, request = self.form.target, self.form.request()
        if target is None or request is None:
            return
        if target.error:
            self.host.tell(clean(target.error), "error")
        elif missing := self.form.missing():
            self.host.tell(f"still needed: {clean(', '.join(missing))}", "warning")
        else:
            self.post_message(StartWanted(request))

    async def action_back(self) -> None:
        if self.query_one("#filter", SearchLine).close():
            self.query_one("#options", RowList).focus()
        elif self.query_one("#options", RowList).has_focus:
            self.query_one("#targets", RowList).focus()
        else:
            await self.host.action_back()
