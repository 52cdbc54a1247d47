"""Put a run together and start it: what to run, its options, its plan, its preflight."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from nanochat_host.core.wire import CheckoutInfo
from nanochat_host.core.wire_checkpoints import FormFill
from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.configure.draft import GPU, PREFAB
from nanochat_host.ui.configure.editing import EditingScreen
from nanochat_host.ui.configure.finding_rows import Found, finding_rows, findings
from nanochat_host.ui.configure.look import Look
from nanochat_host.ui.configure.option_pane import OptionPane
from nanochat_host.ui.configure.option_rows import option_rows
from nanochat_host.ui.configure.plan_rows import plan_rows
from nanochat_host.ui.configure.targets import Target, targets
from nanochat_host.ui.configure.wishes import Wishes
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.controls.search_line import SearchLine
from nanochat_host.ui.model import ALL_TOPICS, Topic

NARROW = 110
"""Cells below which the targets make room for the options."""
KEEPS_FINDINGS = 0.4
"""Share of the height that preflight may take."""


class StartScreen(EditingScreen):
    """Every value is judged by the core, which reads it from the checkout's own source."""

    mode = "start"
    CSS_PATH = "start.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,s", "start", "Start", key_display="s"),
        Binding("enter", "choose", "Change"),
        Binding("p", "prefab", "Prefab"),
        Binding("g", "gpu", "GPUs"),
        Binding("a", "accept_all", "Accept fixes"),
        Binding("w", "save", "Save as"),
        Binding("v", "changed", "Changed only"),
        Binding("slash", "filter", "Search", key_display="/"),
        Binding("backspace,delete", "reset", "Reset", key_display="⌫"),
        Binding("tab", "app.focus_next", "Other side", show=False),
        Binding("left", "cycle(-1)", show=False),
        Binding("right,space", "cycle(1)", show=False),
        *(Binding(str(n), f"accept({n})", show=False) for n in range(1, 10)),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._targets: dict[str, Target] = {}
        self._infos: dict[str, CheckoutInfo | str] = {}
        self._changed_only = False
        self._reading = asyncio.Lock()

    def body(self) -> Iterable[Widget]:
        with Horizontal():
            yield RowList(
                ListColumn("", 1, keep=9), ListColumn(""), id="targets", empty="asking the core …"
            )
            with Vertical(id="right"):
                yield Static(id="about")
                yield SearchLine("search options", id="filter")
                with Horizontal(id="middle"):
                    yield OptionPane(id="pane")
                    yield RowList(
                        ListColumn("", 13, keep=9), ListColumn("", 17, keep=8),
                        ListColumn("", keep=1), id="plan",
                    )  # fmt: skip
                yield Static(id="hint")
                yield RowList(
                    ListColumn("", 1, keep=9), ListColumn("", 1, keep=9), ListColumn(""),
                    id="findings",
                )  # fmt: skip

    def on_mount(self) -> None:
        self.look = Look(self.host, self.form, self._looked)
        self.wishes = Wishes(self.host, self.form, self.look)
        self.query_one("#plan").can_focus = False
        self._list("#targets").focus()

    def _list(self, selector: str) -> RowList:
        return self.query_one(selector, RowList)

    def place(self) -> str:
        target, draft = self.form.target, self.form.draft
        if target is None:
            return "choose what to run"
        words = [target.key, draft.prefab, f"from {draft.parent}" if draft.parent else ""]
        return "  ".join(word for word in words if word)

    # What there is to start.

    def show_model(self, topics: Topic) -> None:
        if topics & (Topic.RUNS | Topic.CORE):
            self.host.work(self._read(anew=topics == ALL_TOPICS), "checkouts")

    async def _read(self, anew: bool) -> None:
        """Ask the core for each checkout; one that cannot be read says why. anew: somebody may have
        edited them since. What another screen asked for does not wait for the others."""
        self._take_over()
        async with self._reading:
            if anew:
                self.look.forget()
            names = [ref.name for ref in self.model.checkouts]
            first = self.host.starting.fill[0] if self.host.starting.fill else ""
            due = [name for name in names if anew or name not in self._infos]
            for name in sorted(due, key=lambda name: name != first):
                try:
                    self._infos[name] = await self.host.link.client.checkout(name)
                except (NanochatCliError, OSError) as error:
                    self._infos[name] = str(error)
                self._infos = {name: self._infos[name] for name in names if name in self._infos}
                if self.is_mounted:  # one after the other: the first need not wait for the last
                    self._list_targets()
                    self._take_over()
        if not self.is_mounted:
            return
        self._list_targets()
        self._take_over()
        if anew:
            self.look.ask()

    def _take_over(self) -> None:
        """What another screen asked for: a checkout, or a run that goes on from a checkpoint."""
        starting, rows = self.host.starting, self._list("#targets")
        if starting.fill is not None:
            checkout, filled = starting.fill
            if target := self._targets.get(f"{checkout}/{filled.target}"):
                starting.fill = None
                self._fill(target, filled)
        elif starting.checkout:
            first = next(
                (t for t in self._targets.values() if starting.checkout in (t.checkout, t.key)),
                None,
            )
            if first is not None:
                starting.checkout = ""
                rows.select(first.key)

    def _fill(self, target: Target, filled: FormFill) -> None:
        """Put a run that goes on from a checkpoint in the form."""
        self.form.fill(target, filled)
        self._list("#targets").select(target.key)
        self._show_target()
        self.pane.table.focus()
        if filled.left_out:
            names = clean(", ".join(filled.left_out))
            text = f"left out: {names}; this checkout's script has no such option"
            self.host.tell(text, "warning", 10.0)

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
                mark = "!" if target.error else "▸" if target.pipeline else "·"
                style = "error" if target.error else "accent"
                rows.append(Row(target.key, ((mark, style), (clean(target.name), ""))))
        self._list("#targets").set_rows(rows, empty="asking the core …")

    @on(RowList.Moved, "#targets")
    def _target_moved(self, message: RowList.Moved) -> None:
        target = self._targets.get(message.key)
        if target is not None and target != self.form.target:
            self.form.target = target
            self._show_target()

    def _show_target(self) -> None:
        self.look.report = self.look.before = None
        self._paint()
        self.look.ask()
        self.refresh_bar()

    # What is shown of it.

    def _looked(self) -> None:
        """The core has answered."""
        if not self.is_mounted or not self.is_running:
            return
        self.host.starting.active = self.form.wish() if self.form.target else None
        if not self.judge():
            self._paint()

    def _paint(self) -> None:
        target = self.form.target
        if target is None:
            return
        about = clean(target.error or target.note)
        title = Content.assemble(
            (clean(target.name), "bold $primary"), "  ", (about, "$foreground-muted")
        )
        self.query_one("#about", Static).update(title)
        self._paint_options()
        look = self.look
        plan, pane = self._list("#plan"), self._list("#findings")
        plan.set_rows(plan_rows(look.report, look.before, plan.size.width, plan.size.height))
        trouble = look.trouble or target.error
        room = max(int(self.size.height * KEEPS_FINDINGS), 3)
        width = max(self.size.width - 40, 40) if not pane.size.width else pane.size.width
        rows = finding_rows(self.found, look.report, width, room, trouble)
        pane.styles.height = min(len(rows), room)
        pane.can_focus = any(row.key for row in rows)
        pane.set_rows(rows)
        self.refresh_bindings()

    def _paint_options(self) -> None:
        look, word = self.look, self.query_one("#filter", SearchLine).value.strip()
        rows = option_rows(
            self.form, look.schemas(), look.report, look.before, word, self._changed_only
        )
        empty = f"no option has “{clean(word)}”" if word else "nothing differs from the prefab"
        self.pane.set_rows(rows, "reading the checkout …" if look.report is None else empty)
        self.hint()

    @property
    def found(self) -> list[Found]:
        """Preflight's findings, the gravest first."""
        return findings(self.look.report)

    # Changing it.

    @on(RowList.Chosen, "#targets")
    def _target_chosen(self) -> None:
        self.pane.table.focus()

    @on(RowList.Chosen, "#options")
    def _option_chosen(self, message: RowList.Chosen) -> None:
        message.stop()
        key = message.key
        if key == PREFAB:
            self.action_prefab()
        elif key == GPU:
            self.action_gpu()
        elif not self.cycle(key, 1):
            self.pane.edit(key, self.value(key))

    def action_prefab(self) -> None:
        self.host.work(self.wishes.choose_prefab(), "ask")

    def action_gpu(self) -> None:
        self.host.work(self.wishes.choose_gpu(), "ask")

    def action_save(self) -> None:
        self.host.work(self.wishes.save_as(), "ask")

    def action_start(self) -> None:
        self.host.work(self.wishes.start(self.look.schemas()), "ask")

    def action_accept(self, number: int) -> None:
        found = self.found
        if number <= len(found) and found[number - 1].fixable:
            self.wishes.accept([found[number - 1]])

    @on(RowList.Chosen, "#findings")
    def _finding_chosen(self, message: RowList.Chosen) -> None:
        self.action_accept(int(message.key[1:]) + 1)

    def action_accept_all(self) -> None:
        self.wishes.accept([item for item in self.found if item.fixable])

    def action_changed(self) -> None:
        """Only what differs from the prefab, or everything again."""
        self._changed_only = not self._changed_only
        self._paint_options()

    # Finding one's way.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.is_mounted and self.query_one(OptionPane).editing:
            return action in ("back", "app.focus_next")
        if action == "accept_all":
            return any(item.fixable for item in self.found)
        return True

    @on(Input.Changed, "#filter")
    def _searching(self) -> None:
        self._paint_options()

    @on(Input.Submitted, "#filter")
    def _searched(self) -> None:
        self.pane.table.focus()

    def action_choose(self) -> None:
        if isinstance(self.focused, RowList):
            self.focused.action_choose()

    def action_filter(self) -> None:
        self.query_one("#filter", SearchLine).open()

    @on(events.DescendantFocus)
    def _focus_moved(self) -> None:
        self._arrange()

    def on_resize(self) -> None:
        self._arrange()
        self.call_after_refresh(self._paint)

    def _arrange(self) -> None:
        """On a narrow screen the targets and the plan take turns."""
        self.refresh_bindings()
        narrow, choosing = self.size.width < NARROW, self._list("#targets").has_focus
        self._list("#targets").display = choosing or not narrow
        self._list("#plan").display = not choosing or not narrow

    async def action_back(self) -> None:
        if self.query_one("#filter", SearchLine).close():
            self.pane.table.focus()
        elif self._changed_only:
            self.action_changed()
        elif not self._list("#targets").has_focus:
            self._list("#targets").display = True
            self._list("#targets").focus()
        else:
            await self.host.action_back()
