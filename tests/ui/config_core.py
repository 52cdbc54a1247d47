"""A core made of lists whose configuration and checkpoints are the real core's own, in process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from ask_core import AskCore
from nanochat_host.core import wire
from nanochat_host.core import wire_checkpoints as wc
from nanochat_host.core import wire_config as wf
from nanochat_host.core.calls import Call
from nanochat_host.core.checkouts import Checkouts
from nanochat_host.core.checkpoints.service import Checkpoints
from nanochat_host.core.config.service import Configs
from nanochat_host.paths import Paths
from nanochat_sdk.data import MachineFacts

BASE = '''"""Pretrain."""
import argparse
from nanochat.tokenizer import get_tokenizer
parser = argparse.ArgumentParser(description="Pretrain a model")
parser.add_argument("--depth", type=int, default=4, help="layers of the [b]model[/b]")
parser.add_argument("--aspect-ratio", type=int, default=64)
parser.add_argument("--head-dim", type=int, default=64)
parser.add_argument("--max-seq-len", type=int, default=64)
parser.add_argument("--window-pattern", type=str, default="L")
parser.add_argument("--device-batch-size", type=int, default=2)
parser.add_argument("--total-batch-size", type=int, default=1024)
parser.add_argument("--num-iterations", type=int, default=30)
parser.add_argument("--resume-from-step", type=int, default=-1)
parser.add_argument("--fp8", action="store_true")
parser.add_argument("--device-type", type=str, default="", choices=["", "cpu", "cuda"])
parser.add_argument("--model-tag", type=str, default=None)
args = parser.parse_args()
for step in range(args.num_iterations):
    loss = model(x, y)
    loss.backward()
    optimizer.step()
'''
SFT = '''"""Teach it to chat."""
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--model-tag", type=str, default=None)
parser.add_argument("--model-step", type=int, default=None)
args = parser.parse_args()
'''
TOK = """import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--vocab-size", type=int, default=512)
"""
DEMO = "#!/bin/bash\npython -m scripts.tok_train\npython -m scripts.base_train --depth=2\n"


class ConfigCore(AskCore):
    """One checkout, `fake`, in a folder."""

    def __init__(self, folder: Path, *, tokenizer: bool = True) -> None:
        super().__init__()
        self.home = Paths(folder / "home")
        self.checkout_path = make_checkout(folder / "fake")
        self.base = folder / "base"
        if tokenizer:
            (self.base / "tokenizer").mkdir(parents=True)
            (self.base / "tokenizer" / "tokenizer.pkl").write_bytes(b"words")
        self.registered = Checkouts(self.home)
        self.registered.add(
            wire.AddCheckout(str(self.checkout_path), "fake", base_dir=str(self.base))
        )
        self.configs = Configs(self.home, self.registered, MachineFacts)
        self.catalog = Checkpoints(self.home, self.registered)
        self.checkout_list = [r for r in self.registered.all() if r.name == "fake"]
        self.answers |= {
            "GET /v1/gpus": lambda call: self.configs.gpus(),
            "GET /v1/prefabs": lambda call: self.configs.prefabs.all(),
            "POST /v1/prefabs": lambda call: self.configs.save(_body(call, wf.SavePrefab)),
            "POST /v1/config/schema": lambda call: self.configs.schema(_body(call, wf.SchemaWish)),
            "POST /v1/config/target": lambda call: self.configs.target(_body(call, wf.TargetWish)),
            "GET /v1/checkpoints": lambda call: self.catalog.listing("fake"),
            "POST /v1/checkpoints/check": lambda call: self.catalog.check(
                _body(call, wc.CheckWish)
            ),
            "POST /v1/checkpoints/form": lambda call: self.catalog.form(_body(call, wc.FormWish)),
            "POST /v1/checkpoints/delete": lambda call: self.catalog.delete(
                _body(call, wc.DeleteWish)
            ),
        }

    async def checkout(self, name: str) -> wire.CheckoutInfo:
        return self.registered.info(name)

    async def ask(self, call: Call[Any]) -> Any:
        name = call.path.partition("?")[0].removeprefix("/v1/prefabs/")
        if call.method == "GET" and "/" not in name:
            return self.configs.prefab(name.replace("%24", "$"), "fake")
        return await super().ask(call)


def make_checkout(folder: Path) -> Path:
    """A checkout with nanochat's script names and a recipe of two steps."""
    for name, text in (
        ("scripts/base_train.py", BASE), ("scripts/chat_sft.py", SFT),
        ("scripts/tok_train.py", TOK), ("runs/demo.sh", DEMO), ("nanochat/__init__.py", ""),
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def _body(call: Call[Any], kind: type[Any]) -> Any:
    return msgspec.json.decode(call.body, type=kind)
