"""Instruments a script's training loop, on its syntax tree, in memory.

The edits, with `hook` for the global `__nanochat_cli__`:

1. the loop begins with `hook.tick(locals())`;
2. `if T:` around a save, evaluation or sampling becomes `if T or hook.want("save") and GUARDS:`;
   for evaluations and samples also `hook.may("eval") and T`, so that a stop is quick;
3. the loop ends on request: through the script's own `last_step` where it has one, else by a
   `break` at the top, after an iteration in which it saves;
4. a script that saves only after its loop gets a copy of that block under `hook.want("save")`;
5. the learning rate is multiplied by `hook.lr` where the loop computes it;
6. time marks (timing.py), `hook.finished(locals())` where the loop ends by itself, and
   `hook.left()` after it.

Inserted nodes take the line of the statement they stand in, so tracebacks stay true.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field

from .actions import EVAL, SAMPLE, SAVE, SCORE, action_of, ends_by, lasting_guards
from .liveness import liveness
from .loops import (
    LoopSite,
    called_name,
    calls_in,
    find_loop,
    loaded_names,
    loop_variables,
    step_variable,
    stored_names,
    walk_scope,
)
from .seeds import seeds
from .splice import all_of, any_of, expression, statements
from .timing import Marks
from .trees import walk

ENDS = {"finish", "exit", "_exit", "compute_cleanup", "destroy_process_group"}
"""What a block after the loop calls that must not be run before the end."""


@dataclass
class Report:
    """What was found. loop: "for" or "while", None if there is none (then `reason`). step: the
    variable that counts. actions: line of the block for "save", "eval", "sample". variables: what
    an iteration assigns. parts: metric names of the timed parts. saves_after: the script saves
    only after its loop. ends_itself: through `last_step`."""

    loop: str | None = None
    line: int = 0
    reason: str = ""
    step: str = ""
    in_function: bool = False
    actions: dict[str, int] = field(default_factory=dict)
    live: list[str] = field(default_factory=list)
    settable: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    scales_lr: bool = False
    saves_after: bool = False
    ends_itself: bool = False


def instrument(tree: ast.Module) -> Report:
    """Edit `tree` in place. Without a loop nothing is changed and `Report.loop` is None."""
    site = find_loop(tree)
    if site is None:
        return Report(reason="no loop that backpropagates and steps an optimizer")
    live = liveness(tree, site)
    report = Report(
        loop=site.kind,
        line=site.loop.lineno,
        step=step_variable(site.loop),
        in_function=site.function is not None,
        live=live.live,
        settable=live.settable,
        variables=loop_variables(site),
    )
    actions = _scheduled_actions(site)
    for line, action in actions.items():
        if action != SCORE:
            report.actions.setdefault(action, line)
    report.scales_lr = _scale_learning_rate(site)
    top = statements("{hook}.tick(locals())")
    top += _on_request(site, report)
    _ask_hook(site, actions)
    marks = Marks(site.functions, {k: EVAL if a == SCORE else a for k, a in actions.items()})
    site.loop.body = top + marks.insert(site.loop.body)
    report.parts = [f"time/{part}" for part in marks.parts]
    site.loop.orelse[:0] = statements("{hook}.finished(locals())")
    if not site.nested:
        after = site.block.index(site.loop) + 1
        site.block[after:after] = statements("{hook}.left()")
    ast.fix_missing_locations(tree)
    return report


def _scheduled_actions(site: LoopSite) -> dict[int, str]:
    """Line of each `if` directly in the loop that does something now and then, and what."""
    found = {}
    for statement in site.loop.body:
        if action := action_of(statement, site.functions):
            found[statement.lineno] = action
    return found


def _ask_hook(site: LoopSite, actions: dict[int, str]) -> None:
    """Edit 2."""
    changing = stored_names(site.loop)
    for statement in site.loop.body:
        action = actions.get(statement.lineno)
        if action is None or not isinstance(statement, ast.If):
            continue
        guards = [copy.deepcopy(g) for g in lasting_guards(statement.test, changing)]
        wanted = all_of(expression(f"{{hook}}.want({action!r})"), *guards)
        scheduled = statement.test
        if action in (EVAL, SCORE, SAMPLE):
            scheduled = all_of(expression(f"{{hook}}.may({action!r})"), scheduled)
        statement.test = any_of(scheduled, wanted)


def _on_request(site: LoopSite, report: Report) -> list[ast.stmt]:
    """Edits 3 and 4: statements for the top of the loop."""
    after = site.after()
    copied: list[ast.stmt] = []
    save = next((s for s in site.loop.body if s.lineno == report.actions.get(SAVE)), None)
    if save is None:
        kept = loaded_names(site.loop)
        save = next((s for s in after if _saves(s, kept)), None)
        if save is not None:
            report.saves_after = True
            report.actions[SAVE] = save.lineno
            wanted = expression(f"{{hook}}.want({SAVE!r})")
            copied = [ast.If(wanted, [copy.deepcopy(save)], [])]
    readers = after if save is None or save in after else [save, *after]
    top: list[ast.stmt] = []
    earlier = site.block[: site.block.index(site.loop)]
    if seeding := seeds(readers, site.loop, earlier):
        top.append(ast.If(expression("{hook}.saving()"), seeding, []))
    report.ends_itself = _end_through_last_step(site)
    if report.ends_itself:
        top += statements("if {hook}.stopping(): last_step = True")
    else:
        top += statements("if {hook}.leaving(): break")
    return top + copied


def _saves(statement: ast.stmt, kept: set[str]) -> bool:
    """A statement that may be run early: an `if` makes by itself what it hands to `torch.save`.
    kept: variables the loop reads, which it must leave as they are."""
    if not isinstance(statement, (ast.If, ast.Expr)):
        return False
    calls = calls_in(statement)
    leaves = any(isinstance(n, ast.Return) for n in walk(statement))
    if leaves or calls & ENDS or stored_names(statement) & kept:
        return False
    by_hand = isinstance(statement, ast.If) and any(
        isinstance(n, ast.Attribute) and n.attr == "save" and getattr(n.value, "id", "") == "torch"
        for n in walk(statement)
    )
    return by_hand or "save_checkpoint" in calls


def _end_through_last_step(site: LoopSite) -> bool:
    """Make every `last_step = ...` of the loop true while stopping; False if that ends nothing."""
    scope = site.function.body if site.function else site.block
    known = site.function is None or "last_step" in stored_names(ast.Module(scope, []))
    if not known or not ends_by(site.loop, "last_step"):
        return False
    for n in walk_scope(site.loop):
        if isinstance(n, ast.Assign) and "last_step" in [getattr(t, "id", "") for t in n.targets]:
            n.value = any_of(n.value, expression("{hook}.stopping()"))
    return True


def _scale_learning_rate(site: LoopSite) -> bool:
    """Edit 5: in `lrm = get_lr_multiplier(step)`, else in `group["lr"] = ...`. x * 1.0 is x."""
    assignments = [n for n in walk(site.loop) if isinstance(n, ast.Assign)]
    chosen = [
        n
        for n in assignments
        if isinstance(n.targets[0], ast.Name)
        and isinstance(n.value, ast.Call)
        and "lr" in called_name(n.value).split("_")
    ]
    chosen = chosen or [
        n
        for n in assignments
        if isinstance(n.targets[0], ast.Subscript)
        and isinstance(n.targets[0].slice, ast.Constant)
        and n.targets[0].slice.value == "lr"
    ]
    for n in chosen:
        n.value = ast.BinOp(n.value, ast.Mult(), expression("{hook}.lr"))
    return bool(chosen)
