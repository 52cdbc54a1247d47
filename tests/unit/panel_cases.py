"""Data for the tests of the built-in panels: what the core would send of a real run.

The numbers are those of 33 steps of nanochat's base_train on a CPU; its first step compiled for
27 s, evaluations ran at 0, 10, 15, 20, 25 and 30, the LR multiplier was halved at
step 12.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nanochat_sdk import Data, Event, Series
from nanochat_sdk.manifest import PackManifest, parse_manifest
from nanochat_sdk.testing import (
    EPOCH,
    PanelDriver,
    data,
    event,
    log_page,
    machine,
    points,
    run_facts,
    series,
)

ROOT = Path(__file__).parents[2]
PACK = ROOT / "builtin_panels/src/nanochat_panels/pack.toml"
STEPS = [
    json.loads(line)
    for line in (ROOT / "tests/data/panels/base_train.jsonl").read_text().splitlines()
]
NOW = STEPS[-1]["ts"] + 2
STARTED = EPOCH
CONFIG = {
    "depth": 2,
    "max_seq_len": 128,
    "device_batch_size": 4,
    "total_batch_size": 1024,
    "num_iterations": 60,
    "warmup_steps": 5,
    "warmdown_ratio": 0.65,
    "final_lr_frac": 0.05,
    "model_tag": "t1",
}
SIZES = ((24, 4), (40, 10), (80, 20))


def manifest() -> PackManifest:
    """The built-in pack's."""
    return parse_manifest(PACK.read_bytes())


def driver(panel_id: str, **options: Any) -> PanelDriver:
    """A built-in panel, ready to be fed."""
    return PanelDriver.from_pack(PACK, panel_id, options)


def metric(name: str, by: str = "step") -> Series:
    """A metric of the captured run over steps or seconds."""
    rows = [row for row in STEPS if name in row]
    x = [row["step"] if by == "step" else row["ts"] - STARTED for row in rows]
    return series(name, [row[name] for row in rows], x)


def newest(*names: str) -> dict[str, Any]:
    """The newest value of each metric of the captured run."""
    out: dict[str, Any] = {}
    for name in names:
        row = [row for row in STEPS if name in row][-1]
        out |= points(step=row["step"], ts=row["ts"], **{name: row[name]})
    return out


def base_run(**changes: Any) -> Any:
    """Facts of the captured run at its 33rd step of 80, as set by hand at step 20."""
    facts = {
        "step": 33,
        "num_steps": 80,
        "facts": {"num_params": 1179726, "num_flops_per_token": 4325808},
        "pipeline": ["tok_train", "base_train", "chat_sft"],
        "stage_index": 1,
        "dirty": True,
    }
    return run_facts(**(facts | changes))


def applied(step: int, **fields: Any) -> Event:
    """A command that took effect."""
    return event("state", step, what="applied", id=f"c{step}", **fields)


def checkpoint(step: int, ts: float) -> Event:
    """A checkpoint as the hook reports it."""
    files = {f"meta_{step:06d}.json": 1319, f"model_{step:06d}.pt": 4727083}
    files[f"optim_{step:06d}_rank0.pt"] = 7885669
    folder = "/home/me/.cache/nanochat/base_checkpoints/t1"
    return event("checkpoint", step, ts, dir=folder, tag="t1", files=files, secs=0.02, ok=True)


def _timers() -> list[Series]:
    parts = {"forward_backward": 0.0618, "optimizer": 0.0197, "data": 0.0031, "other": 0.0042}
    every = [series(f"time/{name}", [seconds] * 33) for name, seconds in parts.items()]
    return [
        *every,
        series("time/eval", [0.31, 0.29], [20, 30]),
        series("mc/base_forward_ms", [4.3] * 33),
    ]


def _gpus() -> tuple[list[Series], dict[str, Any]]:
    found: list[Series] = []
    latest: dict[str, Any] = {}
    for index in range(2):
        found.append(series(f"gpu/{index}/util", [90 + (i * 7 + index) % 10 for i in range(30)]))
        values = {
            "util": 97 - index,
            "mem_used": 71.2 * 2**30,
            "power": 655 + index,
            "temp": 62 + index,
        }
        values |= {"sm_clock": 1980, "mem_clock": 2619}
        latest |= points(**{f"gpu/{index}/{name}": value for name, value in values.items()})
    return found, latest


_SAMPLES = (
    (20, "The capital of France is", " and the robot and the robot and the"),
    (30, "The capital of France is", ". The capital of is. The capital of is."),
    (30, "The chemical symbol of gold is", " red\n and the garden of the river"),
)
_LOG = (
    "Vocab size: 2,048",
    "WARNING: Flash Attention 3 not available, using PyTorch SDPA fallback",
    *(
        f"step {row['step']:05d}/00060 ({row['step'] / 0.6:.2f}%) | loss: {row['train/loss']:.6f} "
        f"| lrm: {row['train/lrm']:.2f} | dt: {1e3 * row['train/dt']:.2f}ms"
        for row in STEPS
    ),
    "\x1b[32m\x1b[1mINFO\x1b[0m Saved model parameters",
)


def typical(panel_id: str) -> Data:
    """What the panel would be sent in the middle of the captured run."""
    run = base_run()
    if panel_id == "progress":
        parts = {"latest": newest("train/dt", "total_training_time") | points(train__epoch=1)}
        found = [metric("train/dt", "time"), metric("train/tok_per_sec")]
        return data(*found, run=run, now=NOW, **parts)
    if panel_id in ("loss", "validation"):
        found = [metric(name) for name in ("train/loss_raw", "train/loss", "val/bpb")]
        latest = newest("train/loss_raw", "train/loss", "val/bpb")
        return data(*found, run=run, now=NOW, latest=latest)
    if panel_id == "metrics":
        return data(metric("train/loss"), run=run, now=NOW, latest=newest("train/loss"))
    if panel_id == "throughput":
        names = ("train/tok_per_sec", "train/mfu", "train/dt")
        return data(*map(metric, names), run=run, now=NOW, latest=newest(*names))
    if panel_id == "timers":
        return data(*_timers(), run=run, now=NOW)
    if panel_id == "schedule":
        latest = newest("train/lrm", "loop/muon_momentum", "loop/muon_weight_decay")
        events = [
            applied(12, cmd="lr", old=1.0, value=0.5),
            applied(20, cmd="set", name="num_iterations", old=60, value=80),
        ]
        return data(
            metric("train/lrm"), run=run, now=NOW, latest=latest, events=events, config=CONFIG
        )
    if panel_id == "gpu":
        found, latest = _gpus()
        return data(*found, run=run, now=NOW, latest=latest, machine=machine(gpus=2))
    if panel_id == "system":
        values = {"sys/cpu": 61.3, "sys/mem_used": 11.9 * 2**30, "sys/disk_free": 123 * 2**30}
        values |= {"sys/proc_cpu": 198.0, "sys/proc_rss": 1.6 * 2**30}
        cpu = series("sys/cpu", [(i * 13) % 100 for i in range(60)])
        return data(cpu, run=run, now=NOW, latest=points(**values), machine=machine())
    if panel_id == "samples":
        events = [
            event("sample", step, NOW - 130 + step, text=f"<|bos|>{prompt}{more}", prompt=prompt)
            for step, prompt, more in _SAMPLES
        ]
        return data(run=run, now=NOW, events=events)
    if panel_id == "log":
        return data(run=run, now=NOW, log=log_page(_LOG))
    if panel_id == "checkpoints":
        events = [checkpoint(5, NOW - 400), checkpoint(20, NOW - 90), checkpoint(30, NOW - 2)]
        return data(run=run, now=NOW, events=events)
    if panel_id == "alerts":
        return data(run=run, now=NOW, events=_ALERTS)
    events = [applied(8, cmd="set", name="eval_every", old=20, value=5)]
    return data(run=run, now=NOW, events=events, config=CONFIG)


def _alert(step: int, ago_s: float, rule: str, message: str, **fields: Any) -> Event:
    fields = {"severity": "warning", "active": True, "message": message} | fields
    return event("alert", step, NOW - ago_s, rule=rule, **fields)


_SETTLE = "a spike that does not settle: lower the LR multiplier"
_RESUME = "stop, and resume from the checkpoint of step 30"
_ALERTS = [
    _alert(7, 300, "slow", "throughput fell"),
    _alert(9, 200, "slow", "throughput fell", active=False),
    _alert(30, 40, "spike", "loss rose 0.8 in a step", hint=_SETTLE),
    _alert(33, 3, "nan", "loss is NaN since step 33", hint=_RESUME, severity="error"),
]
