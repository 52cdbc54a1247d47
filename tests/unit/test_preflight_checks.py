"""Every pitfall as it lies on disk, the finding it gives, and that its fix makes it go away."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_weights
import pytest
from nanochat_host.checkout.model import Option, Stage
from nanochat_host.core.config.effective import effective
from nanochat_host.core.planner.cpu import Processor
from nanochat_host.core.planner.gpus import gpu_named
from nanochat_host.core.planner.inputs import Checkout
from nanochat_host.core.planner.plan import make_plan
from nanochat_host.core.preflight import disk
from nanochat_host.core.preflight.parquet import NotParquetError, row_groups
from nanochat_host.core.preflight.run import preflight
from nanochat_host.core.preflight.situation import Situation
from nanochat_host.core.wire_config import Finding
from nanochat_sdk.data import GpuInfo, MachineFacts
from pace import cpu_s

DATA = Path(__file__).parents[1] / "data"
OPTIONS = json.loads((DATA / "upstream_options.json").read_text())
THREE = DATA / "three_row_groups.parquet"
DATASET = 'MAX_SHARD = 2\nDATA_DIR = join(base_dir, "base_data_climbmix")  # *.parquet\n'
GOOD = {"device_batch_size": 1, "max_seq_len": 2048, "total_batch_size": 524288, "depth": 12}


class Place:
    """A checkout and a base folder in which nothing is wrong, until a test breaks it."""

    def __init__(self, root: Path) -> None:
        self.base, self.checkout, self.runs = root / "base", root / "checkout", root / "runs"
        self.data = self.base / "base_data_climbmix"
        for folder in (self.base / "tokenizer", self.data, self.checkout / "nanochat", self.runs):
            folder.mkdir(parents=True)
        (self.checkout / "nanochat" / "dataset.py").write_text(DATASET)
        for stage in OPTIONS:
            (self.checkout / stage).write_text("tokenizer = get_tokenizer()")
        (self.base / "tokenizer" / "tokenizer.pkl").write_bytes(b"words")
        for number in (0, 1, 2):
            shutil.copy(THREE, self.data / f"shard_{number:05d}.parquet")

    def checkpoint(
        self, kind: str = "base", tag: str = "d12", step: int = 10, ranks: int = 1, **meta: Any
    ) -> Path:
        folder = self.base / f"{kind}_checkpoints" / tag
        folder.mkdir(parents=True, exist_ok=True)
        fake_weights.save(folder / f"model_{step:06d}.pt", fake_weights.MODEL)
        (folder / f"meta_{step:06d}.json").write_text(json.dumps({"step": step, **meta}))
        for rank in range(ranks):
            fake_weights.save(folder / f"optim_{step:06d}_rank{rank}.pt", fake_weights.adamw(ranks))
        return folder

    def findings(
        self,
        stage: str = "base_train",
        *,
        nproc: int = 1,
        gpus: int = 8,
        gpu: str = "H100",
        vocab: int = 32768,
        **options: Any,
    ) -> dict[str, Finding]:
        """By code. `nproc` may be among the options of a fix."""
        declared = [Option(n, "", t, d, choices=c) for n, (t, d, c) in OPTIONS[stage].items()]
        about = Stage(stage, stage, stage, "argparse", declared, trains="train" in stage)
        config = effective(about, {}, {**(GOOD if stage == "base_train" else {}), **options})
        kind = gpu_named(gpu) or Processor(8, 24 * 2**30).kind()
        plan = None
        if stage == "base_train":
            plan = make_plan(config.options(), Checkout(), vocab=vocab, world=nproc, gpu=kind)
        situation = Situation(
            stage=about,
            config=config,
            checkout=Checkout(),
            checkout_path=self.checkout,
            base_dir=self.base,
            runs=self.runs,
            nproc=nproc,
            machine=MachineFacts(
                memory_bytes=24 * 2**30,
                gpus=[GpuInfo(i, kind.name, kind.memory_bytes) for i in range(gpus)],
            ),
            plan=plan,
            plan_gpu=gpu_named(gpu),
        )
        return {finding.code: finding for finding in preflight(situation)}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_nothing_is_wrong_where_nothing_is(place: Place) -> None:
    assert place.findings() == {}


FIXABLE: list[tuple[str, str, dict[str, Any]]] = [
    ("batch_not_divisible", "error", {"total_batch_size": 500_000}),
    ("batch_not_divisible", "error", {"total_batch_size": 1024}),
    (
        "batch_not_divisible",
        "error",
        {"total_batch_size": -1, "device_batch_size": 32, "nproc": 3, "depth": 4},
    ),
    (
        "auto_batch_too_small",
        "error",
        {"total_batch_size": -1, "device_batch_size": 256, "depth": 4},
    ),
    ("world_size", "error", {"nproc": 3, "total_batch_size": 3 * 2**18}),
    ("eval_steps", "error", {"eval_tokens": 100}),
    ("no_steps", "error", {"target_param_data_ratio": 0.001}),
    ("memory", "warning", {"device_batch_size": 256}),
    ("memory", "error", {"depth": 60}),
    ("memory", "warning", {"gpu": "CPU", "gpus": 0, "device_batch_size": 16}),
    ("memory", "error", {"gpu": "CPU", "gpus": 0, "depth": 32}),
    ("sliding_windows", "warning", {"gpu": "RTX 4090"}),
    ("fp8", "error", {"gpu": "A100", "fp8": True}),
    ("too_few_gpus", "error", {"nproc": 2, "gpus": 1}),
    ("value", "error", {"depth": -3}),
]


@pytest.mark.parametrize(("code", "severity", "options"), FIXABLE)
def test_a_fix_makes_the_finding_go_away(
    place: Place, code: str, severity: str, options: dict[str, Any]
) -> None:
    found = place.findings(**options)[code]
    assert found.severity == severity
    assert found.fix
    assert found.what
    assert found.why
    assert code not in place.findings(**{**options, **found.fix})


def test_the_nearest_batch_is_near(place: Place) -> None:
    found = place.findings(total_batch_size=500_000, nproc=2)["batch_not_divisible"]
    assert found.fix == {"total_batch_size": 499_712}


def test_a_missing_tokenizer_and_missing_data(place: Place) -> None:
    (place.base / "tokenizer" / "tokenizer.pkl").unlink()
    shutil.rmtree(place.data)
    found = place.findings()
    assert "tok_train" in found["no_tokenizer"].fix_note
    assert "dataset" in found["no_data"].fix_note
    assert "no_data" in place.findings("tok_train")
    assert "no_tokenizer" not in place.findings("tok_train")


def test_a_tokenizer_that_models_need_is_not_replaced_unnoticed(place: Place) -> None:
    shutil.rmtree(place.base / "base_checkpoints", ignore_errors=True)
    assert "replaced_tokenizer" not in place.findings("tok_train")
    model = place.base / "base_checkpoints" / "d4" / "model_000010.pt"
    model.parent.mkdir(parents=True)
    model.touch()
    assert place.findings("tok_train")["replaced_tokenizer"].severity == "warning"
    assert "replaced_tokenizer" not in place.findings("base_train")


def test_the_validation_shard_that_is_not_there(place: Place) -> None:
    (place.data / "shard_00002.parquet").unlink()
    found = place.findings()["no_validation_shard"]
    assert "shard_00002" in found.what
    assert "shard_00001" in found.what


def test_row_groups_for_every_rank(place: Place) -> None:
    found = place.findings(nproc=4)["row_groups"]
    assert (found.severity, found.fix) == ("error", {"nproc": 3})
    assert "row_groups" not in place.findings(nproc=2)
    (place.data / "shard_00001.parquet").write_bytes(b"half a download")
    assert place.findings(nproc=2)["bad_data"].severity == "error"


def test_a_footer_is_counted_without_pyarrow(tmp_path: Path) -> None:
    assert row_groups(THREE) == 3
    raw = THREE.read_bytes()
    for cut in (b"", raw[:100], raw[:-1], raw[:-8] + b"\xff\xff\xff\x7fPAR1"):
        file = tmp_path / "cut"
        file.write_bytes(cut)
        with pytest.raises(NotParquetError):
            row_groups(file)


def test_resuming(place: Place) -> None:
    assert place.findings(resume_from_step=10)["no_checkpoint"].fix == {"resume_from_step": -1}
    place.checkpoint(step=10, ranks=2)
    place.checkpoint(step=30, ranks=2)
    assert place.findings(resume_from_step=12)["no_step"].fix == {"resume_from_step": 10}
    found = place.findings(resume_from_step=30, nproc=1)["ranks"]
    assert found.fix == {"nproc": 2}
    assert "ranks" not in place.findings(resume_from_step=30, nproc=2)


def test_a_resumed_run_builds_the_model_that_was_saved(place: Place) -> None:
    place.checkpoint(step=10, model_config={"n_layer": 12}, user_config={"head_dim": 64})
    found = place.findings(resume_from_step=10, model_tag="d12", depth=4, head_dim=32)["shape"]
    assert (found.severity, found.fix) == ("error", {"depth": 12, "head_dim": 64})
    same = place.findings(resume_from_step=10, model_tag="d12", depth=12, head_dim=64)
    assert "shape" not in same


def test_a_tokenizer_swapped_under_a_model(place: Place) -> None:
    place.checkpoint(model_config={"vocab_size": 32768}, max_seq_len=2048)
    assert "tokenizer_changed" not in place.findings("chat_sft")
    run = place.runs / "20260101-000000-base_train-abcd"
    run.mkdir()
    digest = "0" * 64
    record = {"base_dir": str(place.base), "tokenizer_sha256": digest, "config": {"depth": 12}}
    (run / "run.json").write_text(json.dumps(record))
    assert place.findings("chat_sft")["tokenizer_changed"].severity == "error"
    (place.base / "tokenizer" / "tokenizer.json").write_text('{"model": {"vocab": {"a": 0}}}')
    assert "32,768" in place.findings("chat_sft")["tokenizer_size"].what


def test_a_tokenizer_newer_than_a_checkpoint_of_others(place: Place) -> None:
    folder = place.checkpoint(step=10)
    model = folder / "model_000010.pt"
    assert "tokenizer_newer" not in place.findings(resume_from_step=10)
    os.utime(model, (1e9, 1e9))
    found = place.findings(resume_from_step=10)["tokenizer_newer"]
    assert found.severity == "note", "a copied folder is no reason to ask"


def test_conversations_longer_than_a_row(place: Place) -> None:
    assert place.findings("chat_sft")["no_checkpoint"].severity == "error"
    place.checkpoint(max_seq_len=256, device_batch_size=2, total_batch_size=2048)
    assert "conversations" not in place.findings("chat_sft")
    (place.base / "identity_conversations.jsonl").write_text("x" * 4000 + "\n" + "y" * 10)
    found = place.findings("chat_sft")["conversations"]
    assert found.fix == {"max_seq_len": 1024}
    assert "conversations" not in place.findings("chat_sft", **found.fix)
    (place.checkout / "tasks").mkdir()
    (place.checkout / "tasks" / "smoltalk.py").touch()
    assert place.findings("chat_sft")["conversations"].fix == {"max_seq_len": 2048}


def test_sft_counts_micro_batches_and_inherits_its_batch(place: Place) -> None:
    place.checkpoint(max_seq_len=256, device_batch_size=2, total_batch_size=2048)
    found = place.findings("chat_sft", num_iterations=60)["micro_batches"]
    assert (found.severity, found.fix) == ("note", {"num_iterations": 240})
    assert "15 steps" in found.what
    assert "batch_not_divisible" in place.findings("chat_sft", device_batch_size=3)


def test_room_for_checkpoints(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def free(size: float) -> Callable[..., Any]:
        return lambda _: shutil._ntuple_diskusage(0, 0, int(size))

    monkeypatch.setattr(disk.shutil, "disk_usage", free(5 * 2**30))
    assert "disk" not in place.findings()
    found = place.findings(save_every=100)["disk"]
    assert found.severity == "warning"
    assert "disk" not in place.findings(**found.fix)
    monkeypatch.setattr(disk.shutil, "disk_usage", free(10**8))
    found = place.findings()["disk"]
    assert found.severity == "error"
    assert "1.00 GiB to spare; 95.4 MiB are free" in found.what


def test_no_gpu_is_a_note(place: Place) -> None:
    found = place.findings(nproc=2, gpus=0)
    assert found["no_gpu"].fix == {"nproc": 1}
    assert found["sliding_windows"].fix == {"window_pattern": "L"}
    assert place.findings(gpus=0, fp8=True)["fp8"].severity == "note"


def test_a_full_data_folder_is_looked_over_in_a_moment(place: Place) -> None:
    for number in range(3, 1500):
        (place.data / f"shard_{number:05d}.parquet").hardlink_to(place.data / "shard_00000.parquet")
    place.checkpoint()
    assert cpu_s(lambda: place.findings(nproc=2)) < 0.2
