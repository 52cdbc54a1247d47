"""Results of evaluations: from real logs, nanochat's own reports, tables; one card of them all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest
from nanochat_host.core.checkpoints.catalog import Catalog
from nanochat_host.core.checkpoints.results import report_card
from nanochat_host.core.results.card import Log, LogResults, logs_of, newest
from nanochat_host.core.results.logs import results_in_lines, results_in_log
from nanochat_host.core.results.measures import MEASURES, measure_of
from nanochat_host.core.results.reports import results_in_reports, results_in_section
from nanochat_host.core.wire_checkpoints import CardEntry
from nanochat_host.paths import Paths

DATA = Path(__file__).parents[1] / "data"


def in_log(name: str) -> dict[tuple[str, str, int, str], float]:
    found = results_in_log(DATA / "logs" / f"{name}.log", name)
    assert all(entry.source == "log" and entry.where == name for entry in found)
    return {(e.stage, e.tag, e.step, e.measure): e.value for e in found}


def test_an_evaluation_is_of_the_checkpoint_it_loaded() -> None:
    assert in_log("chat_eval") == {
        ("sft", "d2", 30, "MMLU"): 0.125,
        ("sft", "d2", 30, "GSM8K"): 0.0,
        ("sft", "d2", 30, "HumanEval"): 0.0,
    }
    assert in_log("base_eval_core") == {("base", "d2", 60, "CORE"): 0.2426}


def test_results_on_the_way_are_of_the_step_saved_next() -> None:
    base = in_log("base_train_d2")
    assert base[("base", "d2", 60, "val bpb")] == 1.927813
    assert base[("base", "d2", 20, "val bpb")] == 2.512112, "each saved step has its own"
    sft = in_log("chat_sft_d2")
    assert {key[:3] for key in sft} == {("sft", "d2", 30)}, "not of the base it began from"
    assert sft[("sft", "d2", 30, "ChatCORE")] == 0.0333
    assert sft[("sft", "d2", 30, "MMLU")] == 0.1875
    assert sft[("sft", "d2", 30, "val bpb")] == 1.9888


@pytest.mark.parametrize(
    "name", ["chat_sft_nan_long_conversations", "err_no_data", "tok_train", "megacontext_train"]
)
def test_what_is_not_finite_or_of_no_known_model_is_left_out(name: str) -> None:
    assert all(value == value and abs(value) < 1e6 for value in in_log(name).values())


def test_a_step_of_a_thousand_digits_is_no_step() -> None:
    digits = "9" * 5000
    lines = [
        f"Loading model from /b/chatsft_checkpoints/d2 with step {digits}",
        f"Saved model parameters to: /b/base_checkpoints/d2/model_{digits}.pt",
    ]
    assert results_in_lines([line.encode() for line in lines], "log", 0.0) == []


def test_old_grammars() -> None:
    lines = [
        b"2025-10-14 - INFO - Loading model from /b/mid_checkpoints/d20 with step 765",
        b"Step 00200/00701 | Training loss: 1.2| lrm: 0.5| num_tokens: 10,000",
        b"Step 00700 | Validation loss: 1.013",
        b"Step 00700 | mmlu_acc: 0.321000, arc_easy_acc: 0.412000",
        b"Saved model parameters to: /b/chatsft_checkpoints/d20/model_000700.pt",
    ]
    found = {(e.stage, e.step, e.measure): e.value for e in results_in_lines(lines, "x", 0.0)}
    assert found == {
        ("sft", 700, "val loss"): 1.013,
        ("sft", 700, "MMLU"): 0.321,
        ("sft", 700, "ARC-Easy"): 0.412,
    }


def test_the_old_report_section_by_section(tmp_path: Path) -> None:
    shutil.copytree(DATA / "reports", tmp_path / "report")
    found = {(e.stage, e.tag, e.measure): e for e in results_in_reports(tmp_path)}
    assert found["mid", "", "val bpb"].value == 4.4492
    assert found["sft", "", "val loss"].value == 4.0432
    assert found["sft", "", "SpellingBee"].value == 0.9922
    assert found["sft", "", "ChatCORE"].value == 0.0884
    assert not any(stage == "base" for stage, _, _ in found), "inf and None are no results"
    assert found["mid", "", "val bpb"].at > found["sft", "", "val loss"].at, "as the sections say"


def test_a_section_names_its_model() -> None:
    text = (
        "## Base model evaluation\ntimestamp: 2026-01-05 10:00:00\n\n"
        "- model: base_model (step 21400)\n- CORE metric: 0.2219\n- train bpb: 0.81\n"
        "- val bpb: 0.8146\n- hellaswag: 0.26\n- sample 0: a: b\n"
    )
    found = results_in_section(text, "base", "x.md", 0.0)
    assert {(e.step, e.measure, e.value) for e in found} == {
        (21400, "CORE", 0.2219), (21400, "train bpb", 0.81), (21400, "val bpb", 0.8146),
    }  # fmt: skip
    both = "- model_tag: mega\n- Minimum validation bpb: 0.7\n- Final validation bpb: 0.8\n"
    assert [(e.tag, e.value) for e in results_in_section(both, "base", "x", 1.0)] == [("mega", 0.8)]
    assert [e.tag for e in results_in_section("- depth: 20\n- CORE: 10%\n", "base", "", 1)] == [
        "d20"
    ]


def test_names_of_measures() -> None:
    assert measure_of("chatcore/MMLU") == measure_of("mmlu_acc") == "MMLU"
    assert measure_of("ARC-Easy") == measure_of("arc_easy_acc") == "ARC-Easy"
    assert measure_of("hellaswag") == ""
    assert all(measure_of(name) == name for name in MEASURES)


def test_the_highest_step_counts_then_the_newest() -> None:
    def entry(step: int, value: float, at: float) -> CardEntry:
        return CardEntry("base", "d4", step, "CORE", value, "log", "x", at)

    kept = newest([entry(100, 0.1, 9.0), entry(200, 0.2, 1.0), entry(200, 0.3, 2.0)])
    assert [e.value for e in kept] == [0.3]
    assert newest([entry(-1, 0.5, 99.0), entry(200, 0.3, 2.0)])[0].value == 0.3


def test_logs_of_a_checkout_are_read_again_only_when_they_grew(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    for run, checkout in (("a", "mine"), ("b", "other"), ("c", "mine")):
        folder = paths.run(run).root
        folder.mkdir(parents=True)
        record = {"id": run, "name": run, "checkout": checkout}
        paths.run(run).run_json.write_bytes(msgspec.json.encode(record))
        shutil.copy(DATA / "logs" / "chat_eval.log", paths.run(run).out_log)
    (paths.runs / "broken").mkdir()
    logs = logs_of(paths, "mine")
    assert [log.name for log in logs] == ["run a", "run c"]
    results = LogResults()
    assert len(results.read(logs)) == 6
    held = results.read(logs)[0]
    assert results.read(logs)[0] is held
    with logs[0].path.open("a") as file:
        file.write("\nSpellingBee accuracy: 50.00%\n")
    assert len(results.read(logs)) == 7
    logs[0].path.unlink()
    assert len(results.read([*logs, Log(tmp_path / "none", "none")])) == 3


def test_one_card_of_everything(tmp_path: Path) -> None:
    shutil.copytree(DATA / "reports", tmp_path / "report")
    folder = tmp_path / "chatsft_checkpoints" / "d2"
    folder.mkdir(parents=True)
    for name in ("model_000030.pt", "optim_000030_rank0.pt"):
        (folder / name).write_bytes(b"x")
    (folder / "meta_000030.json").write_text('{"step": 30, "val_bpb": 1.99, "model_config": {}}')
    (tmp_path / "base_eval").mkdir()
    table = "Task, Accuracy, Centered\ntoy, 0.5, 0.1\nCORE, , 0.1\n"
    (tmp_path / "base_eval" / "base_model_000060.csv").write_text(table)
    os.utime(folder / "meta_000030.json", (1, 1))
    logs = results_in_log(DATA / "logs" / "chat_eval.log", "run e")
    card = report_card("x", tmp_path, Catalog().read(tmp_path), logs)
    found = {(e.stage, e.tag, e.measure): (e.value, e.source) for e in card.entries}
    assert found["sft", "d2", "SpellingBee"] == (0.9922, "report"), "the stage has one tag only"
    assert found["sft", "d2", "MMLU"] == (0.125, "log"), "a known step before an unknown one"
    assert ("base", "d2", "CORE") not in found, "nobody says whose table it is"
    assert card.tables[0].core == 0.1
