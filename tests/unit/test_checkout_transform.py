"""What the hook inserts into loops of each shape, and what it finds out about them."""

from __future__ import annotations

import ast
import traceback
from typing import Any

import pytest
from nanochat_host.checkout.hook.loops import find_loop, step_variable
from nanochat_host.checkout.hook.splice import HOOK
from nanochat_host.checkout.hook.transform import Report, instrument

STEP = "\n    loss.backward()\n    opt.step()\n"


def instrumented(source: str) -> tuple[str, Report]:
    tree = ast.parse(source)
    report = instrument(tree)
    compile(tree, "x.py", "exec")
    return ast.unparse(tree), report


class Recorder:
    """Stands in for the hook: remembers calls, answers as told."""

    lr = 1.0

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.answers = answers

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            if name not in ("tick", "finished"):
                self.calls.append((name, *arguments))
            else:
                self.calls.append((name, arguments[0].get("step")))
            answer = self.answers.get(name)
            return answer(*arguments) if callable(answer) else answer

        return call


class Anything:
    def backward(self) -> None: ...
    def step(self) -> None: ...


def run(source: str, hook: Recorder, **names: Any) -> dict[str, Any]:
    tree = ast.parse(source)
    instrument(tree)
    scope = {HOOK: hook, "loss": Anything(), "opt": Anything(), **names}
    exec(compile(tree, "x.py", "exec"), scope)
    return scope


def test_a_script_without_a_training_loop_is_left_as_it_is() -> None:
    source = "for i in range(3):\n    print(i)"
    text, report = instrumented(source)
    assert text == source
    assert report.loop is None
    assert report.reason


@pytest.mark.parametrize(
    ("after", "saves"),
    [
        ("if master:\n    state = {'step': step}\n    torch.save(state, path)\n", True),
        ("if master:\n    torch.save(model, path)\n    run.finish()\n", False),
        ("state = {}\ntorch.save(state, path)\n", False),
        ("if master:\n    loss = loss.cpu()\n    torch.save(loss, path)\n", False),
        ("if master:\n    tokenizer.save(path)\n", False),
    ],
)
def test_a_block_after_the_loop_that_saves_by_hand(after: str, saves: bool) -> None:
    """It is run early only if it stands by itself and ends nothing."""
    text, report = instrumented(f"for step in range(3):{STEP}\n{after}")
    assert (report.saves_after, "save" in report.actions) == (saves, saves)
    assert text.count("torch.save") == after.count("torch.save") * (1 + saves)


def test_a_block_after_the_loop_that_returns_is_not_run_early() -> None:
    loop = "    for step in range(3):\n        loss.backward()\n        opt.step()\n"
    save = "    if master:\n        torch.save(model, path)\n"
    for end, saves in (("", True), ("        return\n", False)):
        _, report = instrumented(f"def main():\n{loop}{save}{end}")
        assert report.saves_after is saves


def test_the_innermost_loop_that_trains_is_the_one() -> None:
    source = """
for epoch in range(2):
    for step, batch in enumerate(loader):
        for micro in range(2):
            loss.backward()
        opt.step()
for i in range(3):
    opt.step()
"""
    site = find_loop(ast.parse(source))
    assert site is not None
    assert site.loop.lineno == 3
    assert step_variable(site.loop) == "step"


def test_a_loop_in_a_function_of_the_script_counts_its_helpers_in() -> None:
    source = """
def update():
    loss.backward()
    opt.step()
def main():
    for iteration in range(3):
        update()
if __name__ == "__main__":
    main()
"""
    text, report = instrumented(source)
    assert (report.loop, report.step, report.in_function) == ("for", "iteration", True)
    assert f"{HOOK}.tick(locals())" in text


def test_the_loop_reports_each_top_and_its_natural_end() -> None:
    hook = Recorder()
    run(f"for step in range(3):{STEP}", hook)
    tops = [c for c in hook.calls if c[0] in ("tick", "finished")]
    assert tops == [("tick", 0), ("tick", 1), ("tick", 2), ("finished", 2)]


def test_scheduled_actions_are_found_and_ask_the_hook() -> None:
    source = """
done = []
for step in range(4):
    if step % args.eval_every == 0:
        evaluate_bpb(step)
    if master and args.sample_every > 0 and step % 100 == 99:
        generate_batch(step)
    if args.core_every > 0 and step == 77:
        evaluate_core(step)
    if step == 99:
        save_checkpoint(step)
    loss.backward()
    opt.step()
"""
    _, report = instrumented(source)
    assert report.actions == {"eval": 4, "sample": 6, "save": 10}
    assert set(report.parts) == {
        f"time/{p}" for p in ("other", "eval", "sample", "save", "forward_backward", "optimizer")
    }
    done: list[Any] = []

    def note(name: str) -> Any:
        return lambda step: done.append((name, step))

    names = {
        "args": type("A", (), {"eval_every": 2, "sample_every": 1, "core_every": 1}),
        "evaluate_bpb": note("eval"),
        "generate_batch": note("sample"),
        "evaluate_core": note("core"),
        "save_checkpoint": note("save"),
    }
    wanted = Recorder(want=lambda action: action in ("save", "sample"), may=True)
    run(source, wanted, master=True, **names)
    assert done == [
        ("eval", 0),
        ("sample", 0),
        ("save", 0),
        ("sample", 1),
        ("save", 1),
        ("eval", 2),
        ("sample", 2),
        ("save", 2),
        ("sample", 3),
        ("save", 3),
    ]
    done.clear()
    run(source, Recorder(want=True, may=True), master=False, **names)
    assert ("sample", 0) not in done, "a lasting guard holds for a requested action too"
    done.clear()
    run(source, Recorder(want=False, may=False), master=True, **names)
    assert done == [], "nothing is evaluated on the way out"


def test_an_evaluation_written_out_in_the_loop_is_one() -> None:
    source = f"""
while True:
    if step % 10 == 0:
        model.eval()
        for _ in range(3):
            total += model(next(val_loader))
        model.train(){STEP}
"""
    assert instrumented(source)[1].actions == {"eval": 3}


def test_stopping_uses_the_scripts_own_last_step() -> None:
    source = """
saved = []
step = 0
while True:
    last_step = step == 100
    if last_step:
        saved.append(step)
        break
    loss.backward()
    opt.step()
    step += 1
"""
    assert instrumented(source)[1].ends_itself
    ticks = []
    hook = Recorder(stopping=lambda: len(ticks) > 3, tick=ticks.append, may=True)
    assert run(source, hook)["saved"] == [3]


def test_a_last_step_set_elsewhere_is_used_too() -> None:
    source = f"""
last_step = False
step = 0
while not last_step:
    step += 1{STEP}
"""
    ticks: list[Any] = []
    assert run(source, Recorder(stopping=lambda: len(ticks) > 2, tick=ticks.append))["step"] == 3


def test_a_loop_without_last_step_breaks_at_its_top() -> None:
    hook = Recorder(leaving=lambda: hook.calls.count(("leaving",)) > 4)
    scope = run(f"for step in range(100):{STEP}", hook)
    assert scope["step"] == 4
    assert not [c for c in hook.calls if c[0] == "finished"]


def test_a_save_after_the_loop_is_copied_into_it_with_what_it_reads() -> None:
    source = f"""
for step in range(3):
    if step == 2:
        val_loss = 0.5
        metrics = {{"a": 1}}{STEP}
if master:
    save_checkpoint(step, {{"val_loss": val_loss, **metrics}})
print(f"{{val_loss:.3f}}")
"""
    text, report = instrumented(source)
    assert report.saves_after
    assert report.actions["save"] == 9
    saved: list[Any] = []
    hook = Recorder(want=lambda a: len(saved) < 1, saving=True)
    run(source, hook, master=True, save_checkpoint=lambda step, meta: saved.append((step, meta)))
    (first_step, first), last = saved
    assert first_step == 0
    assert str(first["val_loss"]) == "nan"
    assert last == (2, {"val_loss": 0.5, "a": 1})
    assert "step = None" not in text, "the loop's own variable needs no value"


@pytest.mark.parametrize(
    ("line", "scaled"),
    [
        ("lrm = get_lr_multiplier(step)", f"lrm = get_lr_multiplier(step) * {HOOK}.lr"),
        ('group["lr"] = base * 0.1', f"group['lr'] = base * 0.1 * {HOOK}.lr"),
        ("x = learn(step)", ""),
    ],
)
def test_the_learning_rate_is_scaled_where_the_loop_computes_it(line: str, scaled: str) -> None:
    text, report = instrumented(f"for step in range(3):\n    {line}{STEP}")
    assert report.scales_lr == bool(scaled)
    assert scaled in text


def test_time_goes_to_the_part_that_took_it() -> None:
    source = """
for step in range(1):
    synchronize()
    for micro_step in range(2):
        loss.backward()
        x = next(loader)
    for group in opt.param_groups:
        group["lr"] = 1
    opt.step()
    loss_f = loss.item()
    print(loss_f)
"""
    _, report = instrumented(source)
    parts = [part.removeprefix("time/") for part in report.parts]
    clock = {"now": 0}
    spent: dict[str, int] = {}

    def tick_clock(*_: Any) -> Any:
        clock["now"] += 1
        return iter([1])

    marked = {"at": 0}

    def mark(index: int) -> None:
        spent[parts[index]] = spent.get(parts[index], 0) + clock["now"] - marked["at"]
        marked["at"] = clock["now"]

    class Thing:
        param_groups: tuple[dict[str, int], ...] = ({},)
        backward = step = item = staticmethod(tick_clock)

    class Loader:
        __next__ = staticmethod(tick_clock)

    run(
        source,
        Recorder(mark=mark),
        loss=Thing(),
        opt=Thing(),
        loader=Loader(),
        synchronize=tick_clock,
        print=tick_clock,
    )
    assert spent == {"wait": 2, "forward_backward": 2, "data": 2, "optimizer": 1}
    assert clock["now"] - marked["at"] == 1, "what follows the last mark is the tick's to count"


def test_tracebacks_name_the_scripts_own_lines() -> None:
    source = f"for step in range(3):\n    x = 1\n    if step == 1:\n        1 / 0{STEP}"
    tree = ast.parse(source)
    instrument(tree)
    try:
        exec(
            compile(tree, "x.py", "exec"), {HOOK: Recorder(), "loss": Anything(), "opt": Anything()}
        )
    except ZeroDivisionError as exc:
        assert traceback.extract_tb(exc.__traceback__)[-1].lineno == 4
    else:
        raise AssertionError("it should have raised")


def test_variables_include_globals_that_functions_of_the_loop_set() -> None:
    source = f"""
progress = 0
def batches():
    global progress
    inner = 1
    while True:
        progress += 1
        yield inner
loader = batches()
for step in range(3):
    x = next(loader)
    total = sum(i for i in range(3)){STEP}
"""
    assert instrumented(source)[1].variables == ["progress", "step", "total", "x"]
