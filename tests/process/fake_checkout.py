"""A checkout without torch whose scripts have the shapes of nanochat's, and a way to run them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from nanochat_host.checkout.launch import hook_env, step_command
from nanochat_host.checkout.model import Step

COMMON = """
class DummyWandb:
    def log(self, *args, **kwargs):
        pass

    def finish(self):
        pass


class Loss:
    def __init__(self, value):
        self.value = value

    def backward(self):
        pass

    def item(self):
        return self.value


class Optimizer:
    def __init__(self):
        self.param_groups = [{"lr": 0.0, "initial_lr": 0.1}]

    def step(self):
        pass
"""

CHECKPOINTS = """
import json, os, zipfile

def write(path):
    # As torch.save writes an empty dict.
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\\x80\\x02}.")
        archive.writestr("archive/version", "3\\n")

def save_checkpoint(folder, step, model, optimizer, meta, rank=0):
    os.makedirs(folder, exist_ok=True)
    model_file = os.path.join(folder, f"model_{step:06d}.pt")
    if os.path.exists("disk_is_full"):
        with open(model_file, "w") as f:
            f.write("x" * 100)
        raise OSError(28, "No space left on device")
    write(model_file)
    if optimizer is not None:
        write(os.path.join(folder, f"optim_{step:06d}_rank{rank}.pt"))
    with open(os.path.join(folder, f"meta_{step:06d}.json"), "w") as f:
        json.dump(meta, f)
"""

WHILE_LOOP = '''"""A loop like nanochat's base training."""
import argparse, os, sys, time
from nanochat.common import DummyWandb, Loss, Optimizer
from nanochat.checkpoint_manager import save_checkpoint

def evaluate_bpb(step):
    return 2.0 - step / 1000

def generate_batch():
    print("a sample")

parser = argparse.ArgumentParser(description="Train.")
parser.add_argument("--num-iterations", type=int, default=20)
parser.add_argument("--eval-every", type=int, default=10)
parser.add_argument("--sample-every", type=int, default=-1)
parser.add_argument("--save-every", type=int, default=-1)
parser.add_argument("--depth", type=int, default=4)
parser.add_argument("--final-lr-frac", type=float, default=0.5)
parser.add_argument("--step-ms", type=float, default=0.0)
parser.add_argument("--nan-from", type=int, default=-1)
parser.add_argument("--crash-at", type=int, default=-1)
args = parser.parse_args()
wandb_run = DummyWandb()
num_iterations = args.num_iterations
width = args.depth * 64
big = 10**25
optimizer = Optimizer()

def get_lr_multiplier(it):
    return 1.0 - (1 - args.final_lr_frac) * it / num_iterations

step = 0
val_bpb = None
min_val_bpb = float("inf")
while True:
    last_step = step == num_iterations
    if args.eval_every > 0 and (last_step or step % args.eval_every == 0):
        val_bpb = evaluate_bpb(step)
        min_val_bpb = min(min_val_bpb, val_bpb)
        wandb_run.log({"step": step, "val/bpb": val_bpb})
    if args.sample_every > 0 and step > 0 and step % args.sample_every == 0:
        generate_batch()
    if last_step or (step > 0 and args.save_every > 0 and step % args.save_every == 0):
        save_checkpoint("out/tag", step, {}, {}, {"step": step, "val_bpb": val_bpb})
    if last_step:
        break
    t0 = time.time()
    for micro_step in range(2):
        loss = Loss(3.0 - step / 100 if not 0 <= args.nan_from <= step else float("nan"))
        loss.backward()
        x = next(iter([1]))
    lrm = get_lr_multiplier(step)
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * lrm
    optimizer.step()
    if step == args.crash_at:
        raise ValueError("the model exploded")
    train_loss_f = loss.item()
    flops_so_far = big * step
    time.sleep(args.step_ms / 1000)
    dt = time.time() - t0
    print(f"step {step} loss {train_loss_f!r} lr {group['lr']!r}", flush=True)
    step += 1
print(f"done {sys.argv[0]} {__name__} {min_val_bpb:.3f}")
'''

FOR_LOOP = '''"""A loop in a function that ends by itself and saves inside."""
import argparse
from nanochat.common import Loss, Optimizer
from nanochat.checkpoint_manager import save_checkpoint

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--save-every", type=int, default=60)
    parser.add_argument("--temperature", type=float, default=1.0)
    args = parser.parse_args()
    optimizer = Optimizer()
    num_steps = 12
    for step in range(num_steps):
        loss = Loss(1.0 / (step + 1))
        loss.backward()
        reward = loss.item() * args.temperature
        optimizer.step()
        if step == num_steps - 1 or (step > 0 and step % args.save_every == 0):
            save_checkpoint("out/rl", step, {}, None, {"step": step})
    print("done")

if __name__ == "__main__":
    main()
'''

SAVES_AFTER = '''"""The older style: a configurator, and a save after the loop."""
import os
from nanochat.common import Loss, Optimizer
from nanochat.checkpoint_manager import save_checkpoint
num_iterations = 30 # how many steps
eval_every = 5 # evaluate every so many steps
config_keys = [k for k, v in globals().items() if not k.startswith("_") and isinstance(v, int)]
exec(open(os.path.join("nanochat", "configurator.py")).read())
optimizer = Optimizer()
for step in range(num_iterations):
    last_step = step == num_iterations - 1
    if last_step or step % eval_every == eval_every - 1:
        metrics = {"accuracy": step / 10}
        val_loss = step / 100
        optimizer.eval() if hasattr(optimizer, "eval") else None
    if last_step:
        break
    loss = Loss(1.0)
    loss.backward()
    optimizer.step()
save_checkpoint("out/sft", step, {}, None, {"step": step, "val_loss": val_loss, **metrics})
print(f"final {val_loss}")
'''

NO_LOOP = """
import os, sys
print("argv", sys.argv[1:], __name__, [k for k in os.environ if k.startswith("NANOCHAT_CLI_")])
"""

SPAWNS = """
import multiprocessing, os, sys

def child(queue):
    queue.put((sys.argv[1:], "_nanochat_cli_hook" in sys.modules))

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    print("child", queue.get())
    process.join()
    print("exit", process.exitcode)
"""

FILES = {
    "nanochat/__init__.py": "",
    "nanochat/common.py": COMMON,
    "nanochat/checkpoint_manager.py": CHECKPOINTS,
    "nanochat/configurator.py": "",
    "scripts/base_train.py": WHILE_LOOP,
    "scripts/chat_rl.py": FOR_LOOP,
    "scripts/chat_sft.py": SAVES_AFTER,
    "scripts/tok_train.py": NO_LOOP,
    "scripts/spawns.py": SPAWNS,
}


def make_checkout(root: Path) -> Path:
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@dataclass
class Trainer:
    """A trainer process of a checkout with the hook, and what it wrote. said: what it has printed
    so far; a thread takes it in, because a pipe that nobody reads would halt the training."""

    checkout: Path
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)
    _listener: threading.Thread | None = None

    @property
    def events_path(self) -> Path:
        return self.checkout / "events.jsonl"

    @property
    def control_path(self) -> Path:
        return self.checkout / "control.jsonl"

    def command(self, cmd: str, **fields: Any) -> None:
        """Append a command; its id is its name unless given."""
        line = json.dumps({"id": cmd, "ts": time.time(), "cmd": cmd, **fields})
        with self.control_path.open("a") as file:
            file.write(line + "\n")

    def start(self, module: str, *argv: str, hook: bool = True, **popen: Any) -> Trainer:
        return self.start_step(Step(module, list(argv)), hook=hook, **popen)

    def start_step(self, step: Step, hook: bool = True, **popen: Any) -> Trainer:
        person = {k: v for k, v in os.environ.items() if not k.startswith("NANOCHAT_CLI_")}
        env = hook_env(self.events_path, self.control_path) if hook else {}
        self.process = subprocess.Popen(
            step_command(sys.executable, step, hook=hook),
            cwd=self.checkout,
            env={**person, **env, **self.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **popen,
        )
        self.said = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        return self

    def finish(self, timeout_s: float = 90.0) -> tuple[int, str]:
        """Exit code and output."""
        assert self.process is not None
        code = self.process.wait(timeout_s)
        self._hear_out()
        return code, "".join(self.said)

    def close(self) -> None:
        """Leave nothing running, also when a test has failed."""
        if self.process is not None and self.process.poll() is None:
            for rank in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    rank.kill()
            self.process.kill()
            self.process.wait()
            self._hear_out()

    def _listen(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)

    def _hear_out(self) -> None:
        """Take in the last words; whoever has the pipe is gone by now."""
        assert self._listener is not None and self.process is not None
        self._listener.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def run(self, module: str, *argv: str, **options: Any) -> tuple[int, str]:
        return self.start(module, *argv, **options).finish()

    def events(self, kind: str = "", what: str = "") -> list[dict[str, Any]]:
        """Complete lines so far, filtered."""
        if not self.events_path.exists():
            return []
        text = self.events_path.read_text()
        events = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        return [
            event
            for event in events
            if (not kind or event["kind"] == kind) and (not what or event.get("what") == what)
        ]

    def metric(self, name: str) -> dict[int, Any]:
        return {e["step"]: e[name] for e in self.events("metric") if name in e}

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
        """Poll until true; fails with what the trainer printed."""
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert self.process is not None
            assert time.monotonic() < deadline, "timed out"
            if self.process.poll() is not None and not condition():
                raise AssertionError(f"the trainer ended: {self.finish()}")
            time.sleep(0.01)
        return found
