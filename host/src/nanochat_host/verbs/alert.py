"""`nanochat-cli alert`: what alerts are measured against, and what happens when one is raised."""

from __future__ import annotations

import argparse
from typing import Any

import msgspec

from nanochat_host.core import calls_outside as calls
from nanochat_host.core.telemetry.limits import DEFAULTS, AlertLimits
from nanochat_host.core.wire_outside import ChangeAlerts
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect, parse_value
from nanochat_host.verbs.output import emit, table


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(
        verbs, "alert", "limits of alerts, a command to run, a bell", "nanochat-cli alert show"
    )
    subs = parent.add_subparsers(metavar="ACTION")
    add_verb(subs, "show", "print the limits", "nanochat-cli alert show", show)
    change = add_verb(
        subs,
        "set",
        "change limits of runs that go on, and of those to come",
        "nanochat-cli alert set spike=6 bell=true\n"
        "nanochat-cli alert set command='notify-send nanochat' off=slow,late",
        set_limits,
    )
    change.add_argument("pairs", nargs="+", metavar="KEY=VALUE")
    reset = add_verb(
        subs, "reset", "back to the defaults", "nanochat-cli alert reset spike", reset_limits
    )
    reset.add_argument("keys", nargs="*", metavar="KEY", help="default: all")
    add_verb(subs, "test", "run the command as for an alert", "nanochat-cli alert test", test)


def show(args: argparse.Namespace, paths: Paths) -> int:
    return _print(args, connect(paths).ask(calls.alert_limits()))


def set_limits(args: argparse.Namespace, paths: Paths) -> int:
    changes: dict[str, Any] = {}
    for pair in args.pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"`{pair}` is not key=value", "for example `spike=6`")
        if key == "off":
            changes[key] = [rule for rule in text.split(",") if rule]
        else:
            changes[key] = text if key == "command" else parse_value(text)
    return _print(args, connect(paths).ask(calls.change_alerts(ChangeAlerts(changes))))


def reset_limits(args: argparse.Namespace, paths: Paths) -> int:
    keys = args.keys or AlertLimits.__struct_fields__
    wish = ChangeAlerts(dict.fromkeys(keys))
    return _print(args, connect(paths).ask(calls.change_alerts(wish)))


def test(args: argparse.Namespace, paths: Paths) -> int:
    result = connect(paths).ask(calls.test_alert())
    emit(args, result, [f"exit code {result.exit_code}", *result.output.splitlines()])
    return 1 if result.exit_code else 0


def _print(args: argparse.Namespace, limits: AlertLimits) -> int:
    values, usual = msgspec.structs.asdict(limits), msgspec.structs.asdict(DEFAULTS)
    rows = [
        [name, _text(value), "" if value == usual[name] else f"default {_text(usual[name])}"]
        for name, value in values.items()
    ]
    emit(args, limits, table(["LIMIT", "VALUE", ""], rows))
    return 0


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value) or "-"
    return str(value).lower() if isinstance(value, bool) else str(value) or "-"
