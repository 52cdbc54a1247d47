"""`nanochat-cli alert`: what alerts are measured against, and what happens when one is raised."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import msgspec

from nanochat_host.core import calls_declared
from nanochat_host.core import calls_outside as calls
from nanochat_host.core.wire_alerts import DEFAULTS, MEANINGS, AlertLimits
from nanochat_host.core.wire_declared import PackAlert
from nanochat_host.core.wire_outside import ChangeAlerts
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect, parse_value, read_run
from nanochat_host.verbs.output import emit, table

if TYPE_CHECKING:
    from nanochat_host.core.client import CoreClient


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(
        verbs, "alert", "limits of alerts, a command to run, a bell", "nanochat-cli alert show"
    )
    subs = parent.add_subparsers(metavar="ACTION")
    add_verb(subs, "show", "print the limits", "nanochat-cli alert show", show)
    listing = add_verb(
        subs,
        "list",
        "list alerts, active first, each with what to do",
        "nanochat-cli alert list\nnanochat-cli alert list last --active",
        list_raised,
    )
    listing.add_argument("run", nargs="?", default="", help="default: those under way and recent")
    listing.add_argument("--active", action="store_true", help="only those that are not over")
    change = add_verb(
        subs,
        "set",
        "change limits of runs that go on, and of those to come",
        "nanochat-cli alert set spike=6 bell=true\n"
        "nanochat-cli alert set command='notify-send nanochat' off=slow,late\n"
        "nanochat-cli alert set mc:swap_rate=0.4",
        set_limits,
    )
    change.add_argument("pairs", nargs="+", metavar="KEY=VALUE")
    reset = add_verb(
        subs, "reset", "back to the defaults", "nanochat-cli alert reset spike", reset_limits
    )
    reset.add_argument("keys", nargs="*", metavar="KEY", help="default: all")
    add_verb(subs, "test", "run the command as for an alert", "nanochat-cli alert test", test)


def show(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    return _print(args, client.ask(calls.alert_limits()), client.ask(calls_declared.pack_alerts()))


def list_raised(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    run_id = read_run(client, args.run).summary.facts.id if args.run else ""
    found = client.ask(calls.raised_alerts(run_id))
    found = [alert for alert in found if not (args.active and alert.until)]
    lines: list[str] = []
    for alert in found:
        state = "over" if alert.until else alert.severity
        step = "" if alert.step is None else f" at step {alert.step:,}"
        lines.append(f"{state:8} {alert.rule}, {alert.run_name or alert.run}{step}")
        lines.append(f"         {alert.message}")
        lines += [f"         {alert.hint}"] if alert.hint and not alert.until else []
    emit(args, found, lines or "no alerts")
    return 0


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
    return _change(args, connect(paths), ChangeAlerts(changes))


def reset_limits(args: argparse.Namespace, paths: Paths) -> int:
    keys = args.keys or AlertLimits.__struct_fields__
    return _change(args, connect(paths), ChangeAlerts(dict.fromkeys(keys)))


def test(args: argparse.Namespace, paths: Paths) -> int:
    result = connect(paths).ask(calls.test_alert())
    emit(args, result, [f"exit code {result.exit_code}", *result.output.splitlines()])
    return 1 if result.exit_code else 0


def _change(args: argparse.Namespace, client: CoreClient, wish: ChangeAlerts) -> int:
    limits = client.ask(calls.change_alerts(wish))
    return _print(args, limits, client.ask(calls_declared.pack_alerts()))


def _print(args: argparse.Namespace, limits: AlertLimits, packs: list[PackAlert]) -> int:
    values, usual = msgspec.structs.asdict(limits), msgspec.structs.asdict(DEFAULTS)
    rows = [
        [name, _text(value), _text(usual[name]), MEANINGS[name]]
        for name, value in values.items()
        if name != "packs"
    ]
    lines = table(["LIMIT", "VALUE", "DEFAULT", ""], rows)
    if packs:
        rules = [[p.rule, _value(p), p.condition, p.title] for p in packs]
        lines += ["", *table(["RULE OF A PACK", "VALUE", "WHEN", "SAYS"], rules)]
    emit(args, {**values, "rules": packs}, lines)
    return 0


def _value(alert: PackAlert) -> str:
    if alert.off:
        return "off"
    if alert.value is None:
        return "-"
    changed = "" if alert.value == alert.default else f" (pack's {alert.default:g})"
    return f"{alert.value:g}{changed}"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value) or "-"
    return str(value).lower() if isinstance(value, bool) else str(value) or "-"
