"""A trainer that trains nothing: its loop turns at a given rate and assigns twenty scalars.

The hook reports every turn as it would a real step, so the load takes the real path.
"""

import argparse
import math
import random
import time

parser = argparse.ArgumentParser(description="Turn a loop at a rate")
parser.add_argument("--rate", type=float, default=1000.0, help="steps a second, 0 stands still")
parser.add_argument("--rows-before", type=int, default=10_000, help="steps made at once")
parser.add_argument("--seconds", type=float, default=120.0, help="how long to go on")
args = parser.parse_args()
noise = random.Random(0)


class Part:
    """Stands for a loss and an optimizer."""

    def backward(self):
        """No gradient."""

    def step(self):
        """No update."""


loss = optimizer = Part()
num_iterations = 1_000_000
step = 0
started = due_from = time.time()
while step < num_iterations and time.time() - started < args.seconds:
    loss.backward()
    optimizer.step()
    decay = math.exp(-step / 50_000)
    train_loss_f = 3 * decay + 0.05 * noise.random()
    debiased_smooth_loss = 3 * decay
    lrm = decay
    dt = 0.001 + 0.0002 * noise.random()
    tok_per_sec = 1000 / dt
    mfu = 40 + noise.random()
    metric_00, metric_01, metric_02, metric_03 = decay, decay / 2, decay / 3, decay / 4
    metric_04, metric_05, metric_06, metric_07 = decay / 5, decay / 6, decay / 7, decay / 8
    metric_08, metric_09, metric_10, metric_11 = decay / 9, decay / 10, decay / 11, decay / 12
    metric_12 = noise.random()
    metric_13 = noise.random()
    step += 1
    if step == args.rows_before:
        print("firehose ready", flush=True)
        due_from = time.time()
    if step >= args.rows_before:
        if args.rate <= 0:
            time.sleep(max(0.0, started + args.seconds - time.time()))
        else:
            due = due_from + (step - args.rows_before) / args.rate
            time.sleep(max(0.0, due - time.time()))
