"""The log grammar on captured logs of real runs, old and new."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from pathlib import Path

import pytest
from nanochat_host.core.telemetry.grammar import RELEVANT
from nanochat_host.core.telemetry.logparse import LogParser, Reading

LOGS = Path(__file__).parents[1] / "data" / "logs"


def parse(text: bytes) -> Reading:
    parser, out = LogParser(), Reading()
    for line in text.split(b"\n"):
        parser.feed(line, out)
    parser.finish(out)
    return out


def read(name: str) -> Reading:
    return parse((LOGS / f"{name}.log").read_bytes())


def series(out: Reading, metric: str) -> dict[int, float]:
    return {step: values[metric] for step, values in out.rows if metric in values}


@pytest.mark.parametrize("path", sorted(LOGS.glob("*.log")), ids=lambda p: p.stem)
def test_every_step_line_is_understood(path: Path) -> None:
    parser, out = LogParser(), Reading()
    lines = path.read_bytes().split(b"\n")
    missed = [
        line for line in lines
        if parser.feed(line, out) is None and re.match(rb"(?i)\s*step \d", line)
    ]  # fmt: skip
    assert not missed


@pytest.mark.parametrize("path", sorted(LOGS.glob("*.log")), ids=lambda p: p.stem)
def test_the_prefilter_passes_every_line_that_says_something(path: Path) -> None:
    parser, out = LogParser(), Reading()
    data = path.read_bytes()
    starts = {m.start() for m in RELEVANT.finditer(data)}
    offsets = [0, *(m.end() for m in re.finditer(b"\n", data)), len(data) + 1]
    for a, b in pairwise(offsets):
        if parser.feed(data[a : b - 1], out) is not None:
            assert a in starts, data[a : b - 1]


def test_base_train() -> None:
    out = read("base_train_d2")
    loss = series(out, "train/loss")
    assert list(loss) == list(range(60))
    assert (loss[0], loss[59]) == (7.623377, 5.292946)
    assert series(out, "val/bpb") == {0: 3.001348, 20: 2.512112, 40: 2.056996, 60: 1.927813}
    assert series(out, "train/dt")[0] == pytest.approx(56.88844)
    assert series(out, "train/tok_per_sec")[30] == 7001
    assert series(out, "train/epoch")[30] == 1
    assert series(out, "progress/eta_s")[11] == pytest.approx(18.0)
    assert out.facts["num_steps"] == 60
    assert out.facts["total_batch_size"] == 1024
    assert out.facts["num_params"] == 1_179_726
    assert out.facts["vocab_size"] == 2048
    assert out.facts["device_type"] == "cpu"


def test_base_train_samples_and_checkpoints() -> None:
    events = read("base_train_d2").events
    samples = [(step, f["text"]) for kind, step, f in events if kind == "sample"]
    assert len(samples) == 14
    assert samples[0][0] == 29
    assert samples[0][1].startswith("The capital of France is.")
    saved = [
        (step, f["tag"], sorted(f["files"])) for kind, step, f in events if kind == "checkpoint"
    ]
    names = [f"{n}_000020" for n in ("meta", "model", "optim")]
    assert [s[:2] for s in saved] == [(20, "d2"), (40, "d2"), (60, "d2")]
    assert saved[0][2] == [f"{names[0]}.json", f"{names[1]}.pt", f"{names[2]}_rank0.pt"]


def test_resumed_run() -> None:
    out = read("base_train_d2_resume40")
    assert out.facts["resumed_from_step"] == 40
    assert min(series(out, "train/loss")) == 40


def test_chat_sft_has_no_total_and_counts_past_the_end() -> None:
    out = read("chat_sft_d2")
    assert out.facts["num_steps"] in (29, 30)
    assert series(out, "progress/percent")[30] == 101.67
    assert series(out, "train/lrm")[30] == -0.03
    assert series(out, "chatcore/ARC-Easy")[30] == 0.3125
    assert series(out, "chatcore_metric") == {30: 0.0333}
    assert series(out, "chatcore_cat") == {30: 0.0556}


def test_nan_is_a_number_here() -> None:
    loss = series(read("chat_sft_nan_long_conversations"), "train/loss")
    assert math.isfinite(loss[3]) and math.isnan(loss[4]) and math.isnan(loss[200])


def test_reinforcement() -> None:
    out = read("hook_chat_rl_1proc")
    assert series(out, "reward") == dict.fromkeys(range(6), 0.0)
    assert series(out, "sequence_length")[2] == 44.88
    assert series(out, "pass@1") == {0: 0.0}
    assert out.facts["num_steps"] == 100


def test_core_evaluation() -> None:
    out = read("base_eval_core")
    assert series(out, "core/toy_schema") == {60: 0.75}
    assert series(out, "core_accuracy/toy_mc") == {60: 0.2333}
    assert series(out, "core_metric") == {60: 0.2426}


def test_chat_evaluation_behind_carriage_returns() -> None:
    out = read("chat_eval")
    values = {k: v for _, row in out.rows for k, v in row.items()}
    assert values == {"chatcore/MMLU": 0.125, "chatcore/GSM8K": 0.0, "chatcore/HumanEval": 0.0}


def test_samples_over_several_lines() -> None:
    out = read("base_eval_samples")
    texts = [f["text"] for kind, _, f in out.events if kind == "sample"]
    assert texts[1].startswith("The chemical symbol")
    assert any("\n" in text for text in texts)
    assert not any("-----" in text for text in texts)
    assert series(out, "val/bpb") == {60: 1.92581}


def test_tokenizer_training_has_a_progress() -> None:
    progress = series(read("tok_train"), "progress/tokenizer")
    assert progress[18] == 1 and progress[1783] == 100


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("err_batch_divide", "AssertionError", "must be a multiple of 384"),
        ("err_no_data", "FileNotFoundError", "base_data"),
    ],
)
def test_errors(name: str, kind: str, text: str) -> None:
    errors = [f for k, _, f in read(name).events if k == "state" and f["what"] == "error"]
    assert errors[-1]["type"] == kind and text in errors[-1]["message"]


def test_older_forks() -> None:
    out = read("megacontext_vanilla")
    assert series(out, "train/grad_norm")[0] > 0
    assert out.facts["num_steps"] == 12
    assert out.facts["num_params"] == 5_242_880


def test_the_oldest_chat_sft() -> None:
    out = parse(
        b"Step 00003/00020 | Training loss: 1.250000| lrm: 0.900000| num_tokens: 1,234\n"
        b"Step 00007 | mmlu_acc: 0.300000, arc_easy_acc: 0.250000\n"
        b"Step 00008 | Validation loss: 1.500000\nStep 00020 | CORE metric: 0.2219\n"
    )
    assert series(out, "train/loss") == {3: 1.25}
    assert series(out, "train/num_tokens") == {3: 1234}
    assert series(out, "mmlu_acc") == {7: 0.3}
    assert series(out, "val/loss") == {8: 1.5}
    assert series(out, "core_metric") == {20: 0.2219}


def test_a_run_out_of_memory() -> None:
    line = b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
    ((kind, _, fields),) = parse(line).events
    assert kind == "state" and fields["type"] == "OutOfMemoryError"


def test_binary_noise_says_nothing() -> None:
    noise = bytes(range(256)) * 20
    assert parse(noise) == Reading()


@pytest.mark.parametrize(
    "line",
    [
        "Peak memory usage: nanMiB", "Peak memory usage: 1e300MiB",
        "Calculated number of iterations from target FLOPs: nan",
        "Total number of training tokens: inf", f"Step {'9' * 5000} | Validation bpb: 1.0",
        f"Step {'9' * 30} | Validation bpb: 1.0", f"Distributed world size: {'9' * 400}",
    ],
)  # fmt: skip
def test_a_count_that_is_none_says_nothing(line: str) -> None:
    out, parser = Reading(), LogParser()
    assert parser.feed(line.encode(), out) is None
    assert (out, parser.step) == (Reading(), -1)
