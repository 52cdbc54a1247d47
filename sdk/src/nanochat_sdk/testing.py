"""Try a panel without a host: feed it data, press its keys, read what it would show.

    driver = PanelDriver.from_pack("pack.toml", "loss")
    driver.feed(data(series("train/loss_raw", losses), run=run_facts(step=400)))
    assert "best" in driver.text(80, 20)

The driver calls a panel as a worker does and refuses what the host would refuse: a payload that
does not survive the strict codec, data or actions the manifest does not declare.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nanochat_sdk.capabilities import ACTIONS, Capability
from nanochat_sdk.codec import HEADER, decode_from_worker, encode_answer
from nanochat_sdk.data import (
    Data,
    Event,
    EventKind,
    GpuInfo,
    LogLine,
    LogPage,
    MachineFacts,
    Needs,
    Point,
    RunFacts,
    Series,
)
from nanochat_sdk.downsample import to_series
from nanochat_sdk.errors import SdkError
from nanochat_sdk.hostile import hostile_data
from nanochat_sdk.manifest import PanelManifest, parse_manifest, resolve_options
from nanochat_sdk.panel import Panel, Size
from nanochat_sdk.payload import Payload
from nanochat_sdk.plaintext import to_text
from nanochat_sdk.protocol import Act, Input, Reply, View

__all__ = [
    "EPOCH", "FUZZ_SIZES", "PanelDriver", "PanelFault", "check", "data", "event", "fuzz_panel",
    "log_page", "machine", "points", "run_facts", "series", "to_text",
]  # fmt: skip

EPOCH = 1_795_309_725.0
"""Moment at which the runs made here start; `data()` is answered 300 s later."""
FUZZ_SIZES = (Size(1, 1), Size(24, 4), Size(39, 9), Size(80, 20), Size(200, 60))


class PanelFault(AssertionError):
    """A panel did what the host would refuse. The message says what and in which case."""


def check(payload: Payload, needs: Needs | None = None, status: str = "") -> Payload:
    """What the host decodes of an answer. Raises PanelFault if it would refuse it."""
    try:
        framed = encode_answer(Reply(1, payload, needs, status))
        reply = decode_from_worker(memoryview(framed)[HEADER:])
    except (SdkError, TypeError, UnicodeError) as error:
        raise PanelFault(f"the host refuses this answer: {error}") from None
    if not isinstance(reply, Reply) or reply.payload is None:
        raise PanelFault("render() returned None")
    return reply.payload


class PanelDriver:
    """One panel under test.

    panel: the class. options: over the manifest's defaults. manifest: what it declares; without
    one, every capability is taken as declared. Raises OptionError.
    """

    def __init__(
        self,
        panel: type[Panel],
        options: dict[str, Any] | None = None,
        manifest: PanelManifest | None = None,
    ) -> None:
        self.manifest = manifest
        if manifest is not None:
            options = resolve_options(manifest.options, options or {})
        self.panel = panel(options)
        self._size = Size(80, 24)

    @classmethod
    def from_pack(
        cls, pack_toml: str | Path, panel_id: str, options: dict[str, Any] | None = None
    ) -> PanelDriver:
        """The panel that a pack.toml names; its code is looked for beside the file as well.
        Raises ManifestError, OptionError or PanelFault."""
        path = Path(pack_toml)
        manifest = parse_manifest(path.read_bytes()).panel(panel_id)
        if manifest is None:
            raise PanelFault(f"{path} has no panel {panel_id!r}")
        module, _, name = manifest.entry.partition(":")
        folder = str(path.resolve().parent)
        sys.path.append(folder)
        try:
            found = getattr(importlib.import_module(module), name)
        finally:
            sys.path.remove(folder)
        return cls(found, options, manifest)

    @property
    def needs(self) -> Needs:
        """What the panel asks for now. Raises PanelFault if its manifest does not cover it."""
        needs = self.panel.needs(self._size)
        if self.manifest is not None:
            missing = needed(needs) - set(self.manifest.capabilities)
            if missing:
                raise PanelFault(f"asks for {', '.join(sorted(missing))}, which it lacks")
        return needs

    @property
    def status(self) -> str:
        """The short state shown in the panel's frame."""
        return self.panel.status

    def view(self, view: View) -> None:
        """The person zoomed, panned or smoothed."""
        self.panel.view = view

    def feed(self, data: Data) -> bool:
        """Send data; True if the panel asks for a repaint."""
        return self.panel.update(data)

    def press(self, key: str, text: str | None = None) -> bool:
        """Press a declared key, with `text` typed where it has a prompt. Raises PanelFault if
        the panel does not declare the key."""
        declared = {help_.key: help_ for help_ in self.panel.keys}
        if key not in declared:
            raise PanelFault(f"the panel declares no key {key!r}")
        kind = "prompt" if declared[key].prompt else "key"
        return self.panel.on_input(Input(kind=kind, key=key, text=text or ""))  # type: ignore[arg-type]

    def select(self, row: int) -> bool:
        """Choose a row of the panel's table."""
        return self.panel.on_input(Input(kind="select", row=row))

    def render(self, width: int = 80, height: int = 20) -> Payload:
        """The payload as the host decodes it. Raises PanelFault if the host would refuse it."""
        self._size = Size(width, height)
        payload = self.panel.render(self._size)
        return check(payload, self.needs, self.panel.status)

    def text(self, width: int = 80, height: int = 20) -> str:
        """What `render` shows, as plain text."""
        return to_text(self.render(width, height), width, height)

    def acts(self) -> list[Act]:
        """What the panel asked the host to do since the last call. Raises PanelFault for an
        action that is unknown or not covered by the manifest."""
        acts, self.panel._acts = self.panel._acts, []
        for act in acts:
            capability = ACTIONS.get(act.action)
            if capability is None:
                raise PanelFault(f"{act.action!r} is not an action")
            if self.manifest is not None and capability not in self.manifest.capabilities:
                raise PanelFault(f"requests {act.action!r} without {capability}")
        return acts


def needed(needs: Needs) -> set[Capability]:
    """Capabilities that an answer to `needs` takes."""
    names = [query.metric for query in needs.series] + list(needs.latest)
    machine_names = [name for name in names if name.startswith(("sys/", "gpu/"))]
    out: set[Capability] = set()
    if len(names) > len(machine_names):
        out.add(Capability.METRICS)
    if machine_names or needs.machine:
        out.add(Capability.GPU)
    if needs.log is not None:
        out.add(Capability.LOGS)
    if needs.config:
        out.add(Capability.CONFIG)
    for kind in needs.events:
        out.add(Capability.SAMPLES if kind == "sample" else Capability.EVENTS)
    return out


def run_facts(**changes: Any) -> RunFacts:
    """A base_train run at step 120 of 400, 300 s old; `changes` replaces fields."""
    facts: dict[str, Any] = {
        "id": "20261122-041530-base_train-k3f9",
        "name": "base_train",
        "state": "running",
        "stage": "base_train",
        "checkout": "tiny_nanochat",
        "commit": "92d63d4",
        "device": "cpu",
        "created_at": EPOCH - 2,
        "started_at": EPOCH,
        "stage_started_at": EPOCH,
        "step": 120,
        "num_steps": 400,
        "tokens_per_step": 1024,
        "hooked": True,
        "pipeline": ["base_train"],
        "sources": {"hook": "live", "log": "live"},
    }
    return RunFacts(**{**facts, **changes})


def series(
    metric: str,
    values: Sequence[float],
    x: Sequence[float] | None = None,
    columns: int = 2048,
    unit: str = "",
) -> Series:
    """A metric as the core sends it. x: positions, default 0, 1, 2 ..."""
    return to_series(metric, x if x is not None else range(len(values)), values, columns, unit)


def points(step: int = 120, ts: float = EPOCH + 299, **values: float) -> dict[str, Point]:
    """Newest values by metric name; write "/" as "__": `points(train__loss=2.4)`."""
    return {
        name.replace("__", "/"): Point(value=value, step=step, ts=ts)
        for name, value in values.items()
    }


def event(
    kind: EventKind, step: int | None = None, ts: float = EPOCH + 290, **fields: Any
) -> Event:
    """An event of the run."""
    return Event(ts=ts, kind=kind, step=step, fields=fields)


def log_page(lines: Iterable[str], total: int | None = None) -> LogPage:
    """Log lines; "WARNING" and "ERROR" in a line set its level."""
    out: list[LogLine] = []
    for n, text in enumerate(lines):
        level = "error" if "ERROR" in text else "warning" if "WARNING" in text else "info"
        out.append(LogLine(n=n, text=text, level=level))  # type: ignore[arg-type]
    return LogPage(lines=out, total=len(out) if total is None else total, matched=len(out))


def machine(gpus: int = 0, **changes: Any) -> MachineFacts:
    """A machine of 8 cores and 32 GiB with `gpus` H100s."""
    facts: dict[str, Any] = {
        "hostname": "box",
        "cpu_count": 8,
        "memory_bytes": 32 * 2**30,
        "disk_bytes": 512 * 2**30,
        "disk_path": "/home/me",
        "gpus": [GpuInfo(i, "NVIDIA H100 80GB HBM3", 80 * 2**30, 700.0) for i in range(gpus)],
        "gpu_note": "" if gpus else "no NVIDIA driver on this machine",
    }
    return MachineFacts(**{**facts, **changes})


def data(
    *series_: Series,
    run: RunFacts | None = None,
    now: float = EPOCH + 300,
    **parts: Any,
) -> Data:
    """An answer of the core. parts: `latest`, `events`, `log`, `config`, `machine`, `denied`."""
    return Data(now=now, run=run, series={s.metric: s for s in series_}, **parts)


def fuzz_panel(
    panel: type[Panel],
    options: dict[str, Any] | None = None,
    manifest: PanelManifest | None = None,
    sizes: Sequence[Size] = FUZZ_SIZES,
) -> int:
    """Feed a panel NaN, infinities, nothing, too much, odd text and wrong types, render it at
    every size and press every key. Returns the number of frames. Raises PanelFault."""
    driver = PanelDriver(panel, options, manifest)
    frames = _try("before any data", driver, None, sizes)
    for case, sent in hostile_data(driver.needs):
        frames += _try(case, PanelDriver(panel, options, manifest), sent, sizes)
    return frames


def _try(case: str, driver: PanelDriver, sent: Data | None, sizes: Sequence[Size]) -> int:
    """Feed, draw at all sizes, press all keys; returns the number of frames."""
    frames = 0
    try:
        for size in sizes:
            if sent is not None:
                driver.feed(sent)
            driver.text(*size)
            frames += 1
        for help_ in driver.panel.keys:
            driver.press(help_.key, "a[/]\x1b[31m" * 40)
            driver.select(10**6)
            driver.render(*sizes[-1])
            frames += 1
        driver.acts()
    except PanelFault as fault:
        raise PanelFault(f"{case}: {fault}") from None
    except Exception as error:
        raise PanelFault(f"{case}: {type(error).__name__}: {error}") from error
    return frames
