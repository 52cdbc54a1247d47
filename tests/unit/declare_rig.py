"""A run that is read as packs declare: written to as a trainer and OTLP would."""

from __future__ import annotations

import json
import time
from itertools import count
from pathlib import Path
from typing import Any

from nanochat_host.core.telemetry.alerts import AlertEngine
from nanochat_host.core.telemetry.mappings import Mappings, compile_mappings
from nanochat_host.core.telemetry.rules_packs import PackRule, pack_rules
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.wire_alerts import DEFAULTS, AlertLimits
from nanochat_host.paths import RunPaths
from nanochat_sdk.declare import Declarations
from nanochat_sdk.manifest import parse_manifest

STEP = (
    "step {s:05d}/00030 (3.33%) | loss: 4.000000 | lrm: 1.00 | dt: 100.00ms | tok/sec: 1,000 | "
    "mfu: 0.00 | total time: 0.00m"
)


def declared(text: str, pack: str = "mc") -> tuple[str, Declarations]:
    head = f'id = "{pack}"\nversion = "1"\nprotocol = 1\ntitle = "T"\n'
    return pack, parse_manifest((head + text).encode())


def mappings(*texts: str) -> Mappings:
    return compile_mappings([declared(text) for text in texts])[0]


class Mapped:
    """A live run under a pack's declarations."""

    def __init__(self, root: Path, text: str, *, live: bool = True) -> None:
        root.mkdir(parents=True)
        told = [declared(text)]
        self.paths = RunPaths(root)
        self.paths.out_log.touch()
        self.rules: list[PackRule] = pack_rules(told)
        self.now = time.time() - 10_000
        self.engine = AlertEngine()
        self.limits: AlertLimits = DEFAULTS
        self.run = RunTelemetry(
            self.paths, count(1).__next__, live=live, mappings=compile_mappings(told)[0]
        )

    def log(self, *lines: str) -> None:
        with self.paths.out_log.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))
        self.read()

    def event(self, kind: str, **fields: Any) -> None:
        with self.paths.events_jsonl.open("a") as file:
            file.write(json.dumps({"ts": self.now, "kind": kind, **fields}) + "\n")
        self.read()

    def span(self, name: str, **attributes: Any) -> None:
        plain = {key.replace("__", "."): value for key, value in attributes.items()}
        self.event("span", name=name, ms=0.1, **plain)

    def metric(self, name: str, *values: float, step: int = 0, every_s: float = 1.0) -> None:
        for number, value in enumerate(values):
            self.now += every_s
            self.event("metric", step=step + number, **{name: value})

    def read(self) -> None:
        while self.run.slice():
            pass

    def points(self, name: str) -> list[tuple[float, float]]:
        column = self.run.store.columns.get(name)
        if column is None:
            return []
        steps, _, values = column.points.read(column.spans.start, len(column))
        return list(zip(steps, values, strict=True))

    def spans(self, name: str) -> list[dict[str, Any]]:
        found = self.run.history.newest(("span",), 500, (name,))
        return [{**event.fields, "step": event.step} for event in found]

    def check(self, now: float | None = None) -> list[tuple[str, bool]]:
        found = self.engine.check(
            self.run, self.now if now is None else now, None, self.limits, self.rules
        )
        return [(e.fields["rule"], e.fields["active"]) for e in found if ":" in e.fields["rule"]]
