"""Which options a running loop still reads."""

from __future__ import annotations

import pytest
from nanochat_host.checkout.live import live_names

ARGPARSE = """
import argparse
parser = argparse.ArgumentParser()
for_flags = parser.add_argument
parser.add_argument("--eval-every")
parser.add_argument("--warmup-steps")
parser.add_argument("--depth")
parser.add_argument("--batch")
parser.add_argument("--num-iterations")
parser.add_argument("--rows")
parser.add_argument("--checked")
parser.add_argument("--stop-at", dest="end")
args = parser.parse_args()
model = build(args.depth)
total = args.batch * 4
if args.checked > 0:
    check(args.checked)
num_iterations = args.num_iterations
def get_lr(it):
    return it / args.warmup_steps
def rows():
    while True:
        yield args.rows
def unused():
    return args.depth
loader = rows()
step = 0
while step < num_iterations and step < args.end:
    lr = get_lr(step)
    batch = next(loader) * args.batch + args.checked
    loss.backward()
    opt.step()
    if step % args.eval_every == 0:
        print(step)
    step += 1
"""


def test_live_is_what_the_loop_and_its_functions_read_and_the_setup_has_not_used() -> None:
    assert live_names(ARGPARSE) == [
        "checked",
        "end",
        "eval_every",
        "num_iterations",
        "rows",
        "warmup_steps",
    ]


def test_configurator_globals() -> None:
    source = """
eval_every = 5
depth = 3
sample_every = 100
exec(open("nanochat/configurator.py").read())
tokens = sample_every * 7
for step in range(10):
    loss.backward()
    opt.step()
    if step % eval_every == 0 or step % sample_every == 0:
        print(step)
"""
    assert live_names(source) == ["eval_every"]


@pytest.mark.parametrize("source", ["x = 1\n", "for i in range(3):\n    optimizer.step()\n"])
def test_without_a_training_loop_nothing_is_live(source: str) -> None:
    assert live_names(source) == []


def test_a_parser_made_elsewhere() -> None:
    source = """
from nanochat.arguments import parse
args = parse()
model = build(args.depth)
for step in range(10):
    loss.backward()
    opt.step()
    print(args.eval_every, args.depth)
"""
    assert live_names(source) == ["eval_every"]
