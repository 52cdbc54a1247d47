"""tiny_nanochat as its users run it: commands in a shell, files on disk, lines in a log."""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.timeout(240)]

TINY = Path(__file__).parents[2] / "tiny_nanochat"
MICRO = [
    *(
        "--depth=1",
        "--aspect-ratio=32",
        "--head-dim=8",
        "--max-seq-len=32",
        "--total-batch-size=256",
    ),
    *("--num-iterations=24", "--eval-every=8", "--eval-tokens=512", "--sample-every=24"),
    *("--save-every=16", "--warmup-steps=2"),
]
NUMBER = r"[\d,]+\.?\d*(?:e[+-]\d+)?"
STEP_LINE = re.compile(
    rf"step (\d{{5}})/00024 \({NUMBER}%\) \| loss: ({NUMBER}) \| lrm: {NUMBER} \| dt: {NUMBER}ms"
    rf" \| tok/sec: {NUMBER} \| bf16_mfu: {NUMBER} \| epoch: 1 pq: 0 rg: \d+"
    rf" \| total time: {NUMBER}m(?: \| eta: {NUMBER}m)?"
)


class Checkout:
    """The checkout with a base folder of its own."""

    def __init__(self, base_dir: Path) -> None:
        self.base_dir = base_dir
        self.env = {
            **os.environ,
            "NANOCHAT_BASE_DIR": str(base_dir),
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, *argv: str, exit_code: int = 0, stdin: str = "") -> str:
        """Output of `python ARGV` (both streams), which must end with `exit_code`."""
        done = subprocess.run(
            [sys.executable, *argv],
            cwd=TINY,
            env=self.env,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == exit_code, done.stdout
        return done.stdout

    def train(self, tag: str, *options: str) -> str:
        return self.run("-m", "scripts.base_train", *MICRO, f"--model-tag={tag}", *options)

    def files(self, folder: str) -> set[str]:
        return {path.name for path in (self.base_dir / folder).iterdir()}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """With data and a small tokenizer."""
    checkout = Checkout(tmp_path_factory.mktemp("tiny"))
    checkout.run("-m", "nanochat.dataset", "-n", "2")
    checkout.run("-m", "scripts.tok_train", "--vocab-size=300", "--max-chars=100000")
    return checkout


@pytest.fixture(scope="module")
def log(checkout: Checkout) -> str:
    """What a short training run prints."""
    return checkout.train("micro", "--device-batch-size=4")


Call = Callable[..., str]


@pytest.fixture
def call(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Run the main() of a script in this process, which has imported torch already."""

    def main(script: str, *argv: str, stdin: str = "") -> str:
        monkeypatch.syspath_prepend(str(TINY))
        monkeypatch.setenv("NANOCHAT_BASE_DIR", str(checkout.base_dir))
        monkeypatch.setattr(sys, "argv", [script, *argv])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        importlib.import_module(f"scripts.{script}").main()
        return capsys.readouterr().out

    return main


def losses(log: str) -> list[float]:
    return [float(match[2]) for match in STEP_LINE.finditer(log)]


def bpb_at(log: str) -> dict[int, float]:
    found = re.findall(r"^Step (\d{5}) \| Validation bpb: (\d+\.\d{6})$", log, re.MULTILINE)
    return {int(step): float(bpb) for step, bpb in found}


def test_data_and_tokenizer_are_made_once(checkout: Checkout) -> None:
    assert checkout.files("tokenizer") == {"tokenizer.pkl", "token_bytes.pt"}
    before = (checkout.base_dir / "tokenizer/tokenizer.pkl").stat().st_mtime_ns
    assert checkout.run("-m", "nanochat.dataset", "-n", "2").count("already exists") == 3
    again = checkout.run("-m", "scripts.tok_train", "--vocab-size=300", "--max-chars=100000")
    assert "already trained" in again
    assert (checkout.base_dir / "tokenizer/tokenizer.pkl").stat().st_mtime_ns == before


def test_log_lines_are_nanochats(log: str) -> None:
    lines = [line for line in log.splitlines() if line.startswith("step ")]
    assert [int(STEP_LINE.fullmatch(line)[1]) for line in lines] == list(range(24))  # type: ignore[index]
    assert list(bpb_at(log)) == [0, 8, 16, 24]
    for pattern in (
        r"^Autodetected device type: \w+$",
        r"^Vocab size: 300$",
        r"^Parameter counts:$",
        r"^total +: [\d,]+$",
        r"^Estimated FLOPs per token: \d\.\d+e\+\d+$",
        r"^Tokens / micro-batch / rank: 4 x 32 = 128$",
        r"^Total batch size 256 => gradient accumulation steps: 2$",
        r"^<\|bos\|>class ",
        r"nanochat\.checkpoint_manager - INFO - Saved model parameters to: \S+model_000024\.pt$",
        r"nanochat\.checkpoint_manager - INFO - Saved optimizer state to: \S+_000024_rank0\.pt$",
        r"^Peak memory usage: \d+\.\d\dMiB$",
        r"^Total training time: \d+\.\d\dm$",
        r"^Minimum validation bpb: \d\.\d{6}$",
    ):
        assert re.search(pattern, log, re.MULTILINE), pattern


def test_it_learns(log: str) -> None:
    assert losses(log)[-1] < losses(log)[0] - 0.5
    assert bpb_at(log)[24] < bpb_at(log)[0] - 0.5


def test_checkpoint_set_is_complete(checkout: Checkout, log: str) -> None:
    assert checkout.files("base_checkpoints/micro") == {
        f"{name}_{step:06d}{end}"
        for step in (16, 24)
        for name, end in (("model", ".pt"), ("meta", ".json"), ("optim", "_rank0.pt"))
    }
    meta = json.loads((checkout.base_dir / "base_checkpoints/micro/meta_000024.json").read_text())
    assert meta["step"] == 24
    assert meta["val_bpb"] == pytest.approx(bpb_at(log)[24], abs=1e-6)
    assert meta["user_config"]["num_iterations"] == 24
    assert meta["model_config"]["n_kv_head"] == 2
    assert {"pq_idx", "rg_idx", "epoch"} <= set(meta["dataloader_state_dict"])


def test_resume_goes_on_digit_for_digit(checkout: Checkout, log: str) -> None:
    resumed = checkout.train("micro", "--device-batch-size=4", "--resume-from-step=16")
    assert losses(resumed) == losses(log)[16:]
    assert bpb_at(resumed) == {step: bpb for step, bpb in bpb_at(log).items() if step >= 16}


def test_two_ranks_train_the_same_model_as_one(checkout: Checkout, log: str) -> None:
    options = [*MICRO, "--device-batch-size=4", "--model-tag=two"]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    two = checkout.run(*launch, "-m", "scripts.base_train", "--", *options)
    assert "gradient accumulation steps: 1" in two
    assert losses(two)[0] == losses(log)[0]
    assert losses(two) == pytest.approx(losses(log), abs=1e-3)
    assert bpb_at(two) == pytest.approx(bpb_at(log), abs=1e-3)
    saved = checkout.files("base_checkpoints/two")
    assert {"optim_000024_rank0.pt", "optim_000024_rank1.pt", "model_000024.pt"} <= saved


def test_base_model_continues_a_prompt(checkout: Checkout, log: str) -> None:
    talk = ["-m", "scripts.chat_cli", "-i", "base", "-g", "micro", "-s", "24", "--max-tokens=8"]
    answer = checkout.run(*talk, "-p", "import ").split("Assistant: ")[1]
    assert answer.strip()


def test_finetuned_model_answers(checkout: Checkout, log: str, call: Call) -> None:
    tune = ["-m", "scripts.chat_sft", "--model-tag=micro", "--num-iterations=4"]
    tuned = checkout.run(*tune, "--eval-tokens=512", "--num-conversations=64")
    assert "Inherited device_batch_size=4 from pretrained checkpoint" in tuned
    assert re.search(
        rf"^step 00004 \(100.00%\) \| loss: {NUMBER} \| lrm: 0.50 \| dt: {NUMBER}ms"
        rf" \| tok/sec: {NUMBER} \| mfu: {NUMBER} \| epoch: \d \| total time: 0.00m$",
        tuned,
        re.MULTILINE,
    )
    assert re.search(r"^Step 00004 \| Validation bpb: \d+\.\d{4}$", tuned, re.MULTILINE)
    assert "model_000004.pt" in checkout.files("chatsft_checkpoints/micro")
    question = "What is the module json for?\n"
    session = call("chat_cli", "-t", "0", stdin=f"{question}clear\n{question}quit\n")
    first, second = session.split("Assistant: ")[1:]
    assert first.split("\n")[0] == second.split("\n")[0] != ""
    assert session.rstrip().endswith("Goodbye!")


def test_base_eval_prints_both_splits(log: str, call: Call) -> None:
    options = ["--model-tag=micro", "--step=24", "--device-batch-size=4", "--split-tokens=512"]
    evaluated = call("base_eval", *options)
    assert "Evaluating model: base_model (step 24)" in evaluated
    assert "<|bos|>import " in evaluated
    val = re.search(r"^val bpb: (\d+\.\d{6})$", evaluated, re.MULTILINE)
    assert val
    assert float(val[1]) == pytest.approx(bpb_at(log)[24], abs=1e-6)
    assert re.search(r"^train bpb: \d+\.\d{6}$", evaluated, re.MULTILINE)


def test_a_resume_with_other_shapes_names_the_difference(checkout: Checkout, log: str) -> None:
    other = [*MICRO, "--model-tag=micro", "--device-batch-size=4", "--resume-from-step=16"]
    said = checkout.run("-m", "scripts.base_train", *other, "--depth=2", exit_code=1)
    last = said.splitlines()[-1]
    assert last.startswith("error: cannot resume")
    assert "its n_layer is 1, these options give 2" in last


def test_missing_things_name_the_command_that_makes_them(tmp_path: Path) -> None:
    empty = Checkout(tmp_path / "base")
    assert "python -m nanochat.dataset" in empty.run("-m", "scripts.tok_train", exit_code=1)
    assert "python -m scripts.tok_train" in empty.run("-m", "scripts.base_train", exit_code=1)


def test_without_torch_one_line_says_how_to_install_it(checkout: Checkout) -> None:
    said = checkout.run("-S", "-m", "scripts.base_train", exit_code=1)  # -S: no site-packages
    assert said.startswith("error: torch is not installed")
    assert "pip install torch" in said
    assert said.count("\n") == 1
