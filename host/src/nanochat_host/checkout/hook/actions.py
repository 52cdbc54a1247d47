"""Says what a statement of the training loop does, by what it calls."""

from __future__ import annotations

import ast

from .loops import FunctionNode, backpropagates, calls_in, loaded_names, walk_scope
from .trees import children, walk

SAVE, EVAL, SCORE, SAMPLE = "save", "eval", "score", "sample"
"""SCORE is a benchmark (CORE, ChatCORE): timed as an evaluation, too slow to run on request."""

_CALLS = {
    SAVE: {"save_checkpoint", "save_model", "save_state", "save"},
    SCORE: {"evaluate_core", "evaluate_model", "run_chat_eval", "run_core"},
    EVAL: {"evaluate_bpb", "run_gsm8k_eval", "estimate_loss", "evaluate", "validate", "eval_loss"},
    SAMPLE: {"generate_batch", "generate", "sample", "sample_model", "generate_text"},
}
_PERIODS = ("_every", "_steps", "_interval", "_freq", "_period")


def action_of(statement: ast.stmt, functions: dict[str, FunctionNode]) -> str | None:
    """SAVE, EVAL, SCORE or SAMPLE for an `if` that guards one of them, else None."""
    if not isinstance(statement, ast.If):
        return None
    direct = calls_in(ast.Module(statement.body, []))
    for calls in (direct, calls_in(ast.Module(statement.body, []), functions)):
        if backpropagates(calls):
            return None
        for action, names in _CALLS.items():
            if names & calls:
                return action
    # An evaluation written out in the loop: the model is switched to evaluation, nothing else fits.
    return EVAL if "eval" in direct else None


def lasting_guards(test: ast.expr, changing: set[str]) -> list[ast.expr]:
    """Parts of `A and B and ...` that do not depend on the loop, such as `master_process`: they
    hold for a requested action too."""
    if not isinstance(test, ast.BoolOp) or not isinstance(test.op, ast.And):
        return []
    guards = []
    for part in test.values:
        names = loaded_names(part) | {n.attr for n in walk(part) if isinstance(n, ast.Attribute)}
        if names & changing or any(name.endswith(_PERIODS) for name in names):
            continue
        guards.append(part)
    return guards


def part_of(statement: ast.stmt, functions: dict[str, FunctionNode]) -> str | None:
    """Which part of a training step a statement is: "forward_backward", "optimizer", "data" or
    "wait" (for the device); None if it cannot be told."""
    calls = calls_in(statement, functions)
    if backpropagates(calls):
        return "forward_backward"
    if "step" in calls or "zero_grad" in calls or _mentions(statement, "param_groups"):
        return "optimizer"
    if "next" in calls or "get_batch" in calls or "next_batch" in calls:
        return "data"
    if "synchronize" in calls or (isinstance(statement, ast.Assign) and "item" in calls):
        return "wait"
    return None


def _mentions(node: ast.AST, attribute: str) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr == attribute for n in walk(node))


def leaves_loop(statement: ast.stmt) -> bool:
    """Whether a `break` of this very loop, or a `return`, is inside."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.Break, ast.Return)):
            return True
        todo += [
            child
            for child in children(node)
            if not isinstance(child, (ast.For, ast.While, ast.FunctionDef, ast.Lambda))
        ]
    return False


def ends_by(site_loop: ast.For | ast.While, name: str) -> bool:
    """Whether the loop ends when the variable `name` is true."""
    if isinstance(site_loop, ast.While) and name in loaded_names(site_loop.test):
        return True
    return any(
        isinstance(n, ast.If) and name in loaded_names(n.test) and leaves_loop(n)
        for n in walk_scope(site_loop)
    )
