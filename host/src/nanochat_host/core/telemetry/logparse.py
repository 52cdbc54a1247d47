"""What a training log says, line by line: metrics, facts, samples, checkpoints, errors.

The fallback source: for runs without the hook, and for what only the log says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from nanochat_sdk.data import EventKind

from nanochat_host.core.telemetry.grammar import match, to_number, to_whole
from nanochat_host.core.telemetry.loglevel import plain

MAX_SAMPLE_LINES = 80
MAX_SAMPLE_TEXT = 8000

Groups = dict[str, str]


@dataclass
class Reading:
    """What lines said, in order.

    rows: (step, metrics). facts: scalars by the names the hook gives them. events: (kind, step,
    fields) for samples, checkpoints and errors. scripts: how many began after another's steps.
    """

    rows: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[EventKind, int | None, dict[str, Any]]] = field(default_factory=list)
    scripts: int = 0


class LogParser:
    """Keeps what lines need to know of those before them. Feed it lines without newline."""

    def __init__(self) -> None:
        self.step = self.trained = -1
        self.num_steps = 0
        self._sample: list[str] = []
        self._saved: dict[tuple[str, int], list[str]] = {}
        self._in_traceback = False
        self._task_step = 0

    @property
    def coming_step(self) -> int:
        """The step whose own line is printed next: an evaluation's line comes before it."""
        return max(0, self.step + (self.trained == self.step))

    @property
    def in_sample(self) -> bool:
        """A sample's text goes on until a line that is something else."""
        return bool(self._sample)

    def feed(self, raw: bytes, out: Reading) -> str | None:
        """Read one line into `out`; returns the pattern's name, None if it said nothing."""
        text = plain(raw)
        found = match(text)
        name = found[0] if found else None
        if name != "sample" and self._sample:
            self._continue_sample(text, name, out)
        if found is None:
            return None
        name, groups = found[0], {k: v for k, v in found[1].groupdict().items() if v is not None}
        if name != "saved":
            self._report_saved(out)
        try:
            getattr(self, f"_on_{name}")(groups, out)
        except ValueError:  # a count that is nan, or of a thousand digits
            return None
        return name

    def finish(self, out: Reading) -> None:
        """The log is at its end: give out what was waiting for more."""
        self.end_sample(out)
        self._report_saved(out, force=True)

    # -- metrics ------------------------------------------------------------------------------

    def _row(self, g: Groups, out: Reading, names: dict[str, tuple[str, float]]) -> None:
        """Add a row from groups: group name to (metric, factor)."""
        step = to_whole(g["step"])
        if "num_steps" in g:
            self._plan(to_whole(g["num_steps"]), out)
        values = {m: to_number(g[k]) * f for k, (m, f) in names.items() if k in g}
        out.rows.append((step, values))
        self.step = step

    def _plan(self, num_steps: int, out: Reading) -> None:
        if num_steps > 0 and num_steps != self.num_steps:
            self.num_steps = out.facts["num_steps"] = num_steps

    def _on_train(self, g: Groups, out: Reading) -> None:
        self._row(
            g,
            out,
            {
                "loss": ("train/loss", 1.0),
                "grad_norm": ("train/grad_norm", 1.0),
                "lrm": ("train/lrm", 1.0),
                "dt_ms": ("train/dt", 1e-3),
                "tok_per_sec": ("train/tok_per_sec", 1.0),
                "mfu": ("train/mfu", 1.0),
                "epoch": ("train/epoch", 1.0),
                "total_min": ("total_training_time", 60.0),
                "eta_min": ("progress/eta_s", 60.0),
                "percent": ("progress/percent", 1.0),
            },
        )
        self.trained = self.step
        percent = to_number(g["percent"])
        if "num_steps" not in g and percent > 5:
            self._plan(round(to_whole(g["step"]) / percent * 100), out)

    def _on_sft_old(self, g: Groups, out: Reading) -> None:
        names = {"loss": "train/loss", "lrm": "train/lrm", "num_tokens": "train/num_tokens"}
        self._row(g, out, {k: (m, 1.0) for k, m in names.items()})
        self.trained = self.step

    def _on_val_bpb(self, g: Groups, out: Reading) -> None:
        self._row(g, out, {"value": ("val/bpb", 1.0)})

    def _on_val_loss(self, g: Groups, out: Reading) -> None:
        self._row(g, out, {"value": ("val/loss", 1.0)})

    def _on_core(self, g: Groups, out: Reading) -> None:
        self._row(g, out, {"value": ("core_metric", 1.0)})

    def _on_chatcore(self, g: Groups, out: Reading) -> None:
        self._row(g, out, {"value": ("chatcore_metric", 1.0), "cat": ("chatcore_cat", 1.0)})

    def _on_rl_pass(self, g: Groups, out: Reading) -> None:
        self._plan(to_whole(g["num_steps"]), out)

    def _on_rl_step(self, g: Groups, out: Reading) -> None:
        self._row(g, out, {"reward": ("reward", 1.0), "length": ("sequence_length", 1.0)})
        self.trained = self.step

    def _on_named(self, g: Groups, out: Reading) -> None:
        pairs = (pair.split(": ") for pair in g["pairs"].split(", "))
        out.rows.append((to_whole(g["step"]), {k.lower(): to_number(v) for k, v in pairs}))

    def _on_timers(self, g: Groups, out: Reading) -> None:
        names = {"dataloader": "data"}
        metric = f"time/{names.get(g['name'], g['name'])}"
        out.rows.append((max(0, self.step), {metric: to_number(g["ms"]) / 1000}))

    def _on_tokenizer(self, g: Groups, out: Reading) -> None:
        self._plan(to_whole(g["total"]), out)
        out.rows.append((to_whole(g["merges"]), {"progress/tokenizer": to_number(g["percent"])}))

    # -- evaluation ---------------------------------------------------------------------------

    def _on_evaluated(self, g: Groups, out: Reading) -> None:
        self._task_step = to_whole(g["step"])

    def _eval_step(self) -> int:
        return self.step if self.step >= 0 else self._task_step

    def _on_core_task(self, g: Groups, out: Reading) -> None:
        task = g["task"]
        values = {
            f"core/{task}": to_number(g["centered"]),
            f"core_accuracy/{task}": to_number(g["accuracy"]),
        }
        out.rows.append((self._eval_step(), values))

    def _on_core_final(self, g: Groups, out: Reading) -> None:
        out.rows.append((self._eval_step(), {"core_metric": to_number(g["value"])}))

    def _on_chatcore_final(self, g: Groups, out: Reading) -> None:
        out.rows.append((self._eval_step(), {"chatcore_metric": to_number(g["value"])}))

    def _on_split_bpb(self, g: Groups, out: Reading) -> None:
        name = f"{g['split']}/bpb"
        out.rows.append((self._eval_step(), {name: to_number(g["value"])}))

    def _on_task(self, g: Groups, out: Reading) -> None:
        name = f"chatcore/{g.get('inline') or g['task']}"
        out.rows.append((self._eval_step(), {name: to_number(g["percent"]) / 100}))

    # -- facts --------------------------------------------------------------------------------

    def _on_num_steps(self, g: Groups, out: Reading) -> None:
        self._plan(to_whole(g["value"]), out)

    def _on_batch(self, g: Groups, out: Reading) -> None:
        out.facts["total_batch_size"] = to_whole(g["value"])
        out.facts["grad_accum_steps"] = to_whole(g["accum"])

    def _on_micro_batch(self, g: Groups, out: Reading) -> None:
        out.facts["device_batch_size"] = to_whole(g["batch"])

    def _on_params(self, g: Groups, out: Reading) -> None:
        out.facts["num_params"] = to_whole(g["value"])

    def _on_vocab(self, g: Groups, out: Reading) -> None:
        out.facts["vocab_size"] = to_whole(g["value"])

    def _on_flops(self, g: Groups, out: Reading) -> None:
        out.facts["num_flops_per_token"] = to_number(g["value"])

    def _on_total_flops(self, g: Groups, out: Reading) -> None:
        out.facts["total_flops"] = to_number(g["value"])

    def _on_total_tokens(self, g: Groups, out: Reading) -> None:
        out.facts["total_tokens"] = to_whole(g["value"])

    def _on_device(self, g: Groups, out: Reading) -> None:
        out.facts["device_type"] = g["value"]
        out.scripts += self.step >= 0
        self.step, self.trained, self.num_steps = -1, -1, 0

    def _on_gpu(self, g: Groups, out: Reading) -> None:
        out.facts["gpu"] = g["value"]

    def _on_world(self, g: Groups, out: Reading) -> None:
        out.facts["ddp_world_size"] = to_whole(g["value"])

    def _on_resume(self, g: Groups, out: Reading) -> None:
        out.facts["resumed_from_step"] = to_whole(g["step"])

    def _on_peak_memory(self, g: Groups, out: Reading) -> None:
        out.facts["peak_memory_bytes"] = to_whole(g["value"], 2**20)

    def _on_train_time(self, g: Groups, out: Reading) -> None:
        out.facts["training_time_s"] = to_number(g["value"]) * 60

    def _on_min_bpb(self, g: Groups, out: Reading) -> None:
        out.facts["min_val_bpb"] = to_number(g["value"])

    # -- events -------------------------------------------------------------------------------

    def _on_saved(self, g: Groups, out: Reading) -> None:
        path = PurePath(g["path"])
        if step := re.search(r"_(\d{6})(?:_rank\d+)?\.", path.name):
            self._saved.setdefault((str(path.parent), int(step[1])), []).append(path.name)

    def _report_saved(self, out: Reading, *, force: bool = False) -> None:
        for (folder, step), names in list(self._saved.items()):
            whole = {n.split("_")[0] for n in names} >= {"model", "meta"}
            if whole or force:
                del self._saved[folder, step]
                fields = {
                    "dir": folder,
                    "tag": PurePath(folder).name,
                    "files": dict.fromkeys(sorted(names), 0),
                    "ok": whole,
                }
                out.events.append(("checkpoint", step, fields))

    def _on_oom(self, g: Groups, out: Reading) -> None:
        self._error(out, "OutOfMemoryError", g["text"])

    def _on_traceback(self, g: Groups, out: Reading) -> None:
        self._in_traceback = True

    def _on_exception(self, g: Groups, out: Reading) -> None:
        if self._in_traceback:
            self._error(out, g["type"], g.get("text", ""))
        self._in_traceback = False

    def _on_refused(self, g: Groups, out: Reading) -> None:
        self._error(out, "error", g["text"])

    def _error(self, out: Reading, kind: str, text: str) -> None:
        fields = {"what": "error", "type": kind, "message": text, "source": "log"}
        out.events.append(("state", None if self.step < 0 else self.step, fields))

    def _on_sample(self, g: Groups, out: Reading) -> None:
        self.end_sample(out)
        self._sample = [g["text"].removeprefix("<|bos|>")]

    def _on_divider(self, g: Groups, out: Reading) -> None:
        """Ends a sample, nothing else."""

    def _continue_sample(self, text: str, name: str | None, out: Reading) -> None:
        if name is None and len(self._sample) < MAX_SAMPLE_LINES and not text.startswith("real\t"):
            self._sample.append(text)
        else:
            self.end_sample(out)

    def end_sample(self, out: Reading) -> None:
        """Give out the sample that is open, if one is."""
        text = "\n".join(self._sample).rstrip()[:MAX_SAMPLE_TEXT]
        if text:
            step = None if self._eval_step() < 0 else self._eval_step()
            out.events.append(("sample", step, {"text": text, "source": "log"}))
        self._sample = []
