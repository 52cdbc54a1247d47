"""Time to the first word, once warm: through the core, and in the checkout's own `chat_cli`.

    python -m benchmarks.chat [CHECKOUT PYTHON BASE_DIR] [--rounds 20]

Both hold the same model in memory and get the same prompts in new conversations, in turns. Without
a checkout: the embedded one, with random weights of a small GPT. Needs torch. Also: how long the
list of 1,000 checkpoints takes.
"""

from __future__ import annotations

import argparse
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nanochat_host.core import calls_chat as calls
from nanochat_host.core.checkouts import builtin_path
from nanochat_host.core.checkpoints.catalog import Catalog
from nanochat_host.core.client import CoreClient
from nanochat_host.core.wire import AddCheckout
from nanochat_host.core.wire_chat import ChatSettings, NewChat, Say

from benchmarks import rig
from benchmarks.measure import median, quiet_note, report, spread

GOAL = 1.1
WARM_UP = 3
PROMPT = "Tell me about the history of {n} small villages near the sea, and why people left them."
MAKE = """
import torch
from nanochat.checkpoint_manager import FOLDERS, save_checkpoint
from nanochat.common import get_base_dir
from nanochat.gpt import GPT, GPTConfig
from nanochat.tokenizer import Tokenizer, tokenizer_dir
made = Tokenizer.train_from_iterator(["people near the sea left small villages"] * 3, 400)
made.save(tokenizer_dir())
size = made.get_vocab_size()
torch.save(torch.zeros(size, dtype=torch.int32), tokenizer_dir() / "token_bytes.pt")
model = GPT(GPTConfig(sequence_len=256, vocab_size=size, n_layer=8, n_embd=512, n_head=8))
torch.nn.init.normal_(model.lm_head.weight)
meta = {"step": 1, "model_config": vars(model.config), "tokenizer_sha256": made.digest()}
save_checkpoint(get_base_dir() / FOLDERS["sft"] / "bench", 1, model.state_dict(), None, meta)
"""


class OwnChat:
    """The checkout's `chat_cli`, spoken to as a person would."""

    def __init__(self, python: str, checkout: str, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [python, "-u", "-m", "scripts.chat_cli", "-i", "sft"],
            cwd=checkout,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._read_until(b"User: ")

    def first_word_s(self, prompt: str) -> float:
        """Seconds from the prompt to the first piece of its answer."""
        began = self._say(prompt)
        self._read_until(b"Assistant: ", more=True)
        took = time.perf_counter() - began
        self._read_until(b"User: ")
        self._say("clear")
        self._read_until(b"User: ")
        return took

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _say(self, line: str) -> float:
        assert self._process.stdin is not None
        self._seen = b""
        self._process.stdin.write(line.encode() + b"\n")
        began = time.perf_counter()
        self._process.stdin.flush()
        return began

    _seen = b""

    def _read_until(self, mark: bytes, *, more: bool = False) -> None:
        """Read up to `mark`; more: and until something stands behind it."""
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        while mark not in self._seen or (more and self._seen.endswith(mark)):
            if not select.select([fd], [], [], 60.0)[0]:
                raise TimeoutError(f"chat_cli did not say {mark!r}")
            piece = os.read(fd, 65536)
            if not piece:
                raise RuntimeError("chat_cli left")
            self._seen += piece


def ours_s(client: CoreClient, name: str, prompt: str) -> float:
    """The same through the core."""
    chat = client.ask(calls.begin_chat(NewChat(name, ["sft"])))
    say = Say(prompt, ChatSettings(max_tokens=32))
    began = time.perf_counter()
    first = 0.0
    for event in client.listen(calls.say(chat.id, say)):
        if event.event == "error":
            raise RuntimeError(event.text)
        if event.event == "piece" and not first:
            first = time.perf_counter() - began
    return first


def listing(base: Path) -> bool:
    """A thousand checkpoints: copies of one, in fifty tags."""
    (source,) = base.glob("chatsft_checkpoints/bench")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1000):
            tag = Path(folder) / "base_checkpoints" / f"t{number % 50}"
            tag.mkdir(parents=True, exist_ok=True)
            meta = (source / "meta_000001.json").read_text()
            (tag / f"meta_{number:06d}.json").write_text(meta)
            for kind in ("model_{:06d}", "optim_{:06d}_rank0"):
                (tag / f"{kind.format(number)}.pt").hardlink_to(source / "model_000001.pt")
        catalog = Catalog()
        cold_s = catalog.listing("bench", Path(folder)).read_s
        warm_s = catalog.listing("bench", Path(folder)).read_s
    print(f"1,000 checkpoints, cached: {1e3 * warm_s:.0f} ms")
    return report("1,000 checkpoints, first time", cold_s, 1.0, "s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", nargs="?", default="")
    parser.add_argument("python", nargs="?", default=sys.executable)
    parser.add_argument("base", nargs="?", default="")
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()
    print(quiet_note())
    checkout = args.checkout or str(builtin_path())
    base = Path(args.base or tempfile.mkdtemp(prefix="nanochat-bench-chat-"))
    env = {**os.environ, "NANOCHAT_BASE_DIR": str(base), "PYTHONDONTWRITEBYTECODE": "1"}
    if not args.base:
        subprocess.run([args.python, "-c", MAKE], cwd=checkout, env=env, check=True)
    theirs: list[float] = []
    ours: list[float] = []
    with rig.core() as (_, client):
        ref = AddCheckout(checkout, "bench", python=args.python, base_dir=str(base))
        client.add_checkout(ref)
        own = OwnChat(args.python, checkout, env)
        for n in range(args.rounds + WARM_UP):
            prompt = PROMPT.format(n=n)
            theirs.append(own.first_word_s(prompt))
            ours.append(ours_s(client, "bench", prompt))
        own.close()
    theirs, ours = theirs[WARM_UP:], ours[WARM_UP:]
    print(
        f"first word, p50 / p95 / p99: chat_cli {spread(theirs)}; through the core {spread(ours)}"
    )
    met = [report("first word, against chat_cli", median(ours) / median(theirs), GOAL, "times")]
    if not args.base:
        met.append(listing(base))
        shutil.rmtree(base, ignore_errors=True)
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
