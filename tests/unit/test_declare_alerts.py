"""Alert rules of packs: raised, ended, changed, switched off, and gone with their pack."""

from __future__ import annotations

from pathlib import Path

import pytest
from nanochat_host.core.alerting import Alerting
from nanochat_host.core.telemetry.alerts import AlertEngine
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.telemetry.mappings import NO_MAPPINGS
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths

from tests.unit.declare_rig import Mapped


def rule(name: str, condition: str, title: str = "it is {value}", prefix: str = "") -> str:
    return f'{prefix}[[alerts]]\nid = "{name}"\ntitle = "{title}"\n{condition}\n'


def messages(run: Mapped) -> list[str]:
    return [finding.message for name, finding in run.engine.active.items() if ":" in name]


def test_a_comparison_for_points(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", rule("u", 'metric = "mc/u"\nvalue = 1.0\nfor_points = 3'))
    run.metric("mc/u", 1.5, 0.5, 1.5, 1.5)
    assert run.check() == []
    run.metric("mc/u", 1.25, step=4)
    assert run.check() == [("mc:u", True)] and messages(run) == ["it is 1.25"]
    assert run.check() == []
    run.metric("mc/u", 0.5, step=5)
    assert run.check() == [("mc:u", False)]


def test_a_comparison_for_seconds(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", rule("u", 'metric = "mc/u"\nop = "<"\nvalue = 1.0\nfor_s = 10'))
    run.metric("mc/u", 0.5, 0.5, 0.5, every_s=4.0)
    assert run.check() == []
    run.metric("mc/u", 0.5, step=3, every_s=4.0)
    assert run.check() == [("mc:u", True)]


def test_exactly_equal_at_every_point(tmp_path: Path) -> None:
    condition = 'metric = "mc/l"\nop = "=="\nvalue = 0\nalways = true\nfor_points = 20'
    run = Mapped(tmp_path / "r", rule("zero", condition))
    run.metric("mc/l", *[0.0] * 19)
    assert run.check() == []
    run.metric("mc/l", *[0.0] * 41, step=19)
    assert run.check() == [("mc:zero", True)]
    run.metric("mc/l", 1e-9, step=60)
    assert run.check() == [("mc:zero", False)]
    run.metric("mc/l", *[0.0] * 50, step=61)
    run.now += 120
    assert run.check() == []


def test_a_value_that_is_stuck(tmp_path: Path) -> None:
    run = Mapped(
        tmp_path / "r", rule("s", 'metric = "mc/w"\nstat = "repeats"\nop = ">="\nvalue = 4')
    )
    run.metric("mc/w", 1, 2, 3, 3, 3)
    assert run.check() == []
    run.metric("mc/w", 3, step=5)
    assert run.check() == [("mc:s", True)] and messages(run) == ["it is 4"]


def test_a_rate(tmp_path: Path) -> None:
    condition = 'metric = "mc/w"\nstat = "rate"\nop = ">"\nvalue = 2.0\nfor_s = 5'
    run = Mapped(tmp_path / "r", rule("r", condition))
    run.metric("mc/w", 0, 3, 6)
    assert run.check() == []
    run.metric("mc/w", 9, 12, 15, step=3)
    assert run.check() == [("mc:r", True)] and messages(run) == ["it is 3"]


def test_absence_while_the_run_lives(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", rule("a", 'metric = "mc/w"\nstat = "age"\nop = ">"\nvalue = 60'))
    assert run.check() == []
    run.metric("mc/w", 1.0)
    assert run.check(run.now + 59) == []
    assert run.check(run.now + 61) == [("mc:a", True)]
    run.run.live = False
    assert run.check(run.now + 62) == [("mc:a", False)]


ERROR = 'log = "[X] error at step {step:int}: {what:text}"\nseverity = "error"\n'


def test_a_line_of_the_log(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", rule("e", ERROR, "failed: {what}"))
    run.log("[X] error at step x: no", "fine")
    assert run.check() == []
    run.log("[X] error at step 7: boom [b]x{what}")
    assert run.check() == [("mc:e", True)] and messages(run) == ["failed: boom [b]x{what}"]
    assert run.engine.active["mc:e"].severity == "error" and run.engine.gravest() == "e"
    assert run.run.mapped.seen["mc:e"].step == 7
    assert run.check(run.now + 1e6) == []


def test_a_line_of_the_log_is_over_after_a_while(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", rule("e", ERROR + "for_s = 60", "failed: {what}"))
    run.log("[X] error at step 7: boom")
    seen = run.run.mapped.seen["mc:e"].ts
    assert run.check(seen + 59) == [("mc:e", True)]
    assert run.check(seen + 61) == [("mc:e", False)]


def test_the_persons_value_and_switch_count(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", rule("u", 'metric = "mc/u"\nvalue = 1.0'))
    run.metric("mc/u", 0.5)
    run.limits = AlertLimits(packs={"mc:u": 0.4})
    assert run.check() == [("mc:u", True)]
    run.limits = AlertLimits(packs={"mc:u": 0.4}, off=["mc:u"])
    assert run.check() == [("mc:u", False)]


def test_a_rule_that_is_gone_is_over_and_known_after_a_restart(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", rule("u", 'metric = "mc/u"\nvalue = 1.0'))
    run.metric("mc/u", 2.0)
    events = run.engine.check(run.run, run.now, None, run.limits, run.rules)
    run.engine = AlertEngine(events)
    assert run.check() == []
    run.rules = []
    assert run.check() == [("mc:u", False)] and run.check() == []


def test_runs_that_ended_before_are_not_judged(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", rule("u", 'metric = "mc/u"\nvalue = 1.0'), live=False)
    run.metric("mc/u", 2.0)
    assert run.check() == []


@pytest.fixture
def alerting(tmp_path: Path) -> Alerting:
    hub = TelemetryHub(Paths(tmp_path / "home"))
    text = rule("u", 'metric = "mc/u"\nvalue = 1.0') + rule("e", ERROR, "failed")
    hub.use(NO_MAPPINGS, Mapped(tmp_path / "r", text).rules)
    return Alerting(Paths(tmp_path / "home"), hub)


def test_values_of_packs_are_kept_beside_ours(alerting: Alerting) -> None:
    assert alerting.change({"mc:u": 2.5, "spike": 6, "off": ["mc:e"]}).packs == {"mc:u": 2.5}
    alerting._changed_at = -1.0
    alerting.look()
    assert (alerting.limits.packs, alerting.limits.spike) == ({"mc:u": 2.5}, 6)
    assert alerting.change({"mc:u": None}).packs == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mc:x": 1.0}, "no rule `mc:x`"),
        ({"mc:e": 1.0}, "no value"),
        ({"mc:u": "much"}, "packs"),
        ({"off": ["mc:x"]}, "no rule `mc:x`"),
    ],
)
def test_what_cannot_be_set_is_refused(
    alerting: Alerting, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        alerting.change(changes)
    assert alerting.limits.packs == {}
