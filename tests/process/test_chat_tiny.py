"""Real weights: the embedded checkout speaks, is probed, and optimizer shards are converted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from core_rig import CoreRig
from nanochat_host.core import calls_chat, calls_checkpoints, wire_chat, wire_checkpoints
from nanochat_host.core.wire import AddCheckout

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
TINY = Path(__file__).parents[2] / "tiny_nanochat"
MAKE = """
import torch
from nanochat.checkpoint_manager import FOLDERS, save_checkpoint
from nanochat.common import get_base_dir
from nanochat.gpt import GPT, GPTConfig
from nanochat.tokenizer import Tokenizer, tokenizer_dir
made = Tokenizer.train_from_iterator(["the quick brown fox jumps over the lazy dog"] * 3, 300)
made.save(tokenizer_dir())
sizes = torch.zeros(made.get_vocab_size(), dtype=torch.int32)
torch.save(sizes, tokenizer_dir() / "token_bytes.pt")
torch.manual_seed(1)
config = dict(vocab_size=made.get_vocab_size(), n_layer=2, n_embd=32, n_head=2, n_kv_head=1)
model = GPT(GPTConfig(sequence_len=64, **config))
torch.nn.init.normal_(model.lm_head.weight)
meta = {"step": 3, "model_config": {**vars(model.config)}, "tokenizer_sha256": made.digest()}
for folder in FOLDERS.values():
    save_checkpoint(get_base_dir() / folder / "d2", 3, model.state_dict(), None, meta)
other = {**meta, "model_config": {**meta["model_config"], "n_layer": 3}}
save_checkpoint(get_base_dir() / FOLDERS["base"] / "deep", 3, model.state_dict(), None, other)
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreRig]:
    made = CoreRig(tmp_path_factory.mktemp("tiny-chat"))
    base = made.folder / "base"
    env = {**os.environ, "NANOCHAT_BASE_DIR": str(base), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", MAKE], cwd=TINY, env=env, check=True, timeout=90)
    made.start()
    made.client.add_checkout(
        AddCheckout(str(TINY), "real", python=sys.executable, base_dir=str(base))
    )
    yield made
    made.close()


def said(rig: CoreRig, names: list[str], prompt: str, **settings: Any) -> list[str]:
    wish = wire_chat.NewChat("real", names)
    chat = rig.client.ask(calls_chat.begin_chat(wish))
    say = wire_chat.Say(prompt, wire_chat.ChatSettings(max_tokens=12, **settings))
    texts = ["" for _ in names]
    for event in rig.client.listen(calls_chat.say(chat.id, say)):
        assert event.event != "error", event.text
        texts[event.side] += event.text if event.event == "piece" else ""
    return texts


def test_the_same_seed_says_the_same_and_base_goes_on(rig: CoreRig) -> None:
    first = said(rig, ["sft/d2"], "the fox", temperature=1.0, seed=5)
    assert first[0]
    assert said(rig, ["sft/d2"], "the fox", temperature=1.0, seed=5) == first
    assert said(rig, ["sft/d2"], "the fox", temperature=1.0, seed=6) != first
    assert said(rig, ["base/d2"], "the quick", temperature=0.0) == said(
        rig, ["base/d2"], "the quick", temperature=0.0, seed=1
    )


def test_the_words_are_those_of_the_checkouts_own_chat(rig: CoreRig) -> None:
    env = {**os.environ, "NANOCHAT_BASE_DIR": str(rig.folder / "base"), "OMP_NUM_THREADS": "1"}
    words = ["-i", "sft", "-g", "d2", "-p", "the fox", "-t", "0.6", "-k", "50", "--max-tokens=12"]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.chat_cli", *words],
        cwd=TINY, env=env, capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    theirs = done.stdout.partition("Assistant: ")[2].rstrip("\n")
    assert said(rig, ["sft/d2"], "the fox", temperature=0.6, top_k=50, seed=42) == [theirs]


def test_the_checkouts_own_model_is_asked_for_its_shapes(rig: CoreRig) -> None:
    wish = wire_checkpoints.CheckWish("real", "base/d2")
    good = rig.client.ask(calls_checkpoints.check_checkpoint(wish))
    assert (good.fits, good.probed) == (True, True)
    wish = wire_checkpoints.CheckWish("real", "base/deep")
    bad = rig.client.ask(calls_checkpoints.check_checkpoint(wish))
    assert not bad.fits
    (finding,) = [f for f in bad.findings if f.severity == "error"]
    assert "blocks.2" in finding.what and "another architecture" in finding.remedy


SHAPES = [[(64, 32), (8,)], [(16, 16)] * 3]


def state(ranks: int, rank: int, whole: dict[str, Any]) -> dict[str, Any]:
    """nanochat's optimizer state of one rank, cut from the whole one."""
    chunk = -(-3 // ranks)
    stack = torch.cat([whole["stack"], torch.zeros(chunk * ranks - 3, 16, 16)])
    wide = whole["wide"] if ranks == 1 else whole["wide"].chunk(ranks)[rank]
    return {
        "state": {
            0: {"step": 9, "exp_avg": wide.clone(), "exp_avg_sq": wide.clone() ** 2},
            1: {"step": 9, "exp_avg": whole["small"].clone()},
            2: {"momentum_buffer": stack[rank * chunk : (rank + 1) * chunk].clone()},
        },
        "param_groups": [
            {"kind": "adamw", "params": [0, 1], "lr": 0.1},
            {"kind": "muon", "params": [2, 3, 4], "lr": 0.2},
        ],
    }


def same(left: Any, right: Any) -> bool:
    if torch.is_tensor(left):
        return torch.is_tensor(right) and torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return bool(left == right)


@pytest.mark.parametrize("old", [1, 2, 4])
@pytest.mark.parametrize("new", [1, 2, 4])
def test_shards_are_cut_exactly_as_nanochat_cuts_them(
    old: int, new: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nanochat_host.checkout.weights import reshard

    monkeypatch.setattr(reshard, "group_shapes", lambda config: SHAPES)
    torch.manual_seed(3)
    parts = {"wide": (64, 32), "small": (8,), "stack": (3, 16, 16)}
    whole = {name: torch.randn(shape) for name, shape in parts.items()}
    made = reshard.convert(torch, {}, [state(old, rank, whole) for rank in range(old)], new)
    assert len(made) == new
    for rank, shard in enumerate(made):
        assert same(shard, state(new, rank, whole))


def test_what_cannot_be_cut_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from nanochat_host.checkout.weights import reshard
    from nanochat_host.checkout.weights.build import NoModelError

    monkeypatch.setattr(reshard, "group_shapes", lambda config: SHAPES)
    whole = {"wide": torch.randn(64, 32), "small": torch.randn(8), "stack": torch.randn(3, 16, 16)}
    with pytest.raises(NoModelError, match="64 rows cannot be split over 3"):
        reshard.convert(torch, {}, [state(1, 0, whole)], 3)
    plain = {"state": {0: {}}, "param_groups": [{"params": [0]}]}
    assert reshard.convert(torch, {}, [plain], 3) == [plain] * 3
