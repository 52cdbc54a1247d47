"""Several ranks act on the same commands at the same step."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from fake_checkout import Trainer, make_checkout
from nanochat_host.checkout.model import Step

pytestmark = [pytest.mark.torch, pytest.mark.timeout(240)]

TRAIN = '''"""Ranks that average their gradients; each writes what it does to a file of its own."""
import os, time, types
import torch
import torch.distributed as dist
from nanochat.checkpoint_manager import save_checkpoint
rank = int(os.environ["RANK"])
log = open(f"rank{rank}.txt", "w")
weight = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.SGD([weight], lr=0.1)
args = types.SimpleNamespace(eval_every=4)
def evaluate_bpb():
    total = torch.ones(1)
    dist.all_reduce(total)
    return total.item()
def get_lr(it):
    return 0.1
val_bpb = None
step = 0
while True:
    last_step = step == 100000
    if last_step or step % args.eval_every == 0:
        val_bpb = evaluate_bpb()
        print("eval", step, val_bpb, file=log, flush=True)
    if last_step or step == 70000:
        save_checkpoint(f"out/{rank}", step, {}, {}, {"step": step, "val_bpb": val_bpb}, rank)
        print("save", step, file=log, flush=True)
    if last_step:
        break
    loss = (weight - rank) ** 2
    loss.backward()
    dist.all_reduce(weight.grad, op=dist.ReduceOp.AVG)
    lr = get_lr(step)
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    optimizer.zero_grad()
    print("step", step, args.eval_every, lr, weight.item(), file=log, flush=True)
    step += 1
    time.sleep(0.001 * rank)
threads = [open(f"/proc/self/task/{t}/comm").read() for t in os.listdir("/proc/self/task")]
print("connections", threads.count("gloo_tcp_loop\\n"), file=log)
dist.destroy_process_group()
'''


@pytest.fixture
def trainer(tmp_path: Path) -> Iterator[Trainer]:
    make_checkout(tmp_path)
    (tmp_path / "scripts" / "base_train.py").write_text(TRAIN)
    env = {"OMP_NUM_THREADS": "1", "NANOCHAT_CLI_GLOO": "1", "CUDA_VISIBLE_DEVICES": ""}
    trainer = Trainer(tmp_path, env)
    yield trainer
    trainer.close()


def start(trainer: Trainer, **options: Any) -> Trainer:
    return trainer.start_step(Step("scripts.base_train", nproc=2), **options)


def ranks_agree(trainer: Trainer) -> list[str]:
    first, second = ((trainer.checkout / f"rank{r}.txt").read_text() for r in (0, 1))
    assert first == second
    return first.splitlines()


def test_two_ranks_apply_every_command_at_the_same_step(trainer: Trainer) -> None:
    trainer.command("set", at_step=3, name="eval_every", value=5)
    trainer.command("lr", at_step=4, value=0.5)
    trainer.command("save", at_step=7)
    trainer.command("eval", at_step=8)
    trainer.command("stop", at_step=13)
    code, output = start(trainer).finish()
    assert code == 0, output
    lines = ranks_agree(trainer)
    assert [line for line in lines if not line.startswith("step")] == [
        "eval 0 2.0",
        "eval 5 2.0",
        "save 7",
        "eval 8 2.0",
        "eval 10 2.0",
        "save 13",
        "connections 1",  # the script's own: what ours leaves running would abort a rank's exit
    ]
    assert [line.split()[2:4] for line in lines if line.startswith("step")][2:5] == [
        ["4", "0.1"],
        ["5", "0.1"],
        ["5", "0.05"],
    ]
    assert [e["step"] for e in trainer.events("state", "applied")] == [3, 4, 7, 8, 13]
    assert trainer.events("state", "start")[0]["world"] == 2


def test_a_pause_holds_both_ranks_and_sigterm_to_one_stops_both(trainer: Trainer) -> None:
    trainer.command("pause", at_step=5)
    start(trainer)
    trainer.wait_for(lambda: trainer.events("state", "paused"))
    trainer.command("lr", value=0.5)
    trainer.wait_for(lambda: [e for e in trainer.events("state", "applied") if e["id"] == "lr"])
    assert ranks_agree(trainer)[-1].startswith("step 4 ")
    trainer.command("resume")
    trainer.wait_for(lambda: trainer.metric("loop/lr").get(5) == 0.05)
    assert trainer.process is not None
    ranks = psutil.Process(trainer.process.pid).children()
    (second,) = [rank for rank in ranks if rank.environ().get("RANK") == "1"]
    second.send_signal(signal.SIGTERM)
    code, output = trainer.finish()
    assert code == 0, output
    assert ranks_agree(trainer)[-2].startswith("save ")


def test_ranks_agree_also_in_a_loop_that_is_entered_again(trainer: Trainer) -> None:
    body = TRAIN[TRAIN.index("val_bpb = None") : TRAIN.index("threads = ")]
    lines = body.replace("step = 0\n", "").replace("100000", "ends").splitlines()
    epoch = "\n".join(["def epoch(step, ends):", *("    " + line for line in lines)])
    again = f"{epoch}\n    return step\nepoch(epoch(0, 6), 100000)\n"
    script = trainer.checkout / "scripts" / "base_train.py"
    script.write_text(TRAIN.replace(body, again))
    start(trainer)
    trainer.wait_for(lambda: trainer.metric("loop/lr").get(20) == 0.1)
    trainer.command("save")
    trainer.command("stop")
    code, output = trainer.finish()
    assert code == 0, output
    saves = [line for line in ranks_agree(trainer) if line.startswith("save")]
    assert saves[0] == "save 6"
    assert len(saves) > 1
    assert "connections 1" in ranks_agree(trainer)
