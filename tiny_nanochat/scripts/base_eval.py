"""Look at a base model: bits per byte on both splits, and what it writes.

python -m scripts.base_eval --model-tag=demo --eval=bpb,sample
"""

from __future__ import annotations

import argparse

from nanochat.checkpoint_manager import load_model
from nanochat.common import die, print0
from nanochat.compute import autodetect_device_type, compute_cleanup, compute_init
from nanochat.dataloader import data_loader
from nanochat.engine import Engine
from nanochat.loss_eval import evaluate_bpb
from nanochat.tokenizer import get_token_bytes
from nanochat.training import eval_steps_for

MODES = ("bpb", "sample")
PROMPTS = ["import ", "def __init__(self", '    """Return ', "    for i in range(", "class "]


def banner(title: str) -> None:
    print0(f"\n{'=' * 80}\n{title}\n{'=' * 80}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Evaluate a base model")
    parser.add_argument("--eval", type=str, default="bpb,sample", help="comma list of bpb, sample")
    parser.add_argument("--model-tag", type=str, default=None, help="model (default: the last)")
    parser.add_argument("--step", type=int, default=None, help="its step (default: the last)")
    parser.add_argument("--device-batch-size", type=int, default=8, help="rows of a batch")
    parser.add_argument("--split-tokens", type=int, default=32768, help="tokens of each split")
    parser.add_argument("--device-type", type=str, default="", help="cuda, cpu or mps")
    args = parser.parse_args()
    modes = [mode.strip() for mode in args.eval.split(",")]
    if unknown := sorted(set(modes) - set(MODES)):
        die(f"--eval={args.eval}: {', '.join(unknown)} is unknown; there are {', '.join(MODES)}")

    device_type = args.device_type or autodetect_device_type()
    _, rank, _, world_size, device = compute_init(device_type)
    model, tokenizer, meta = load_model("base", device, "eval", args.model_tag, args.step)
    print0(f"Evaluating model: base_model (step {meta['step']})")
    print0(f"Eval modes: {', '.join(sorted(modes))}")

    if "sample" in modes and rank == 0:
        banner("Model Samples")
        engine = Engine(model, tokenizer)
        print0("\nConditioned samples:")
        for prompt in PROMPTS:
            tokens = tokenizer(prompt, prepend="<|bos|>")
            sample, _ = engine.generate_batch(tokens, max_tokens=32, temperature=0)
            print0(f"{'-' * 80}\n{tokenizer.decode(sample[0])}")
        print0("\nUnconditioned samples:")
        tokens = tokenizer("", prepend="<|bos|>")
        samples, _ = engine.generate_batch(tokens, num_samples=4, max_tokens=128, temperature=1.0)
        for unprompted in samples:
            print0(f"{'-' * 80}\n{tokenizer.decode(unprompted)}")

    if "bpb" in modes:
        banner("BPB Evaluation")
        sequence_len = model.config.sequence_len
        steps = eval_steps_for(args.split_tokens, args.device_batch_size, sequence_len, world_size)
        token_bytes = get_token_bytes(device)
        for split in ("train", "val"):
            batches = data_loader(tokenizer, args.device_batch_size, sequence_len, split, device)
            print0(f"{split} bpb: {evaluate_bpb(model, batches, steps, token_bytes):.6f}")
    compute_cleanup()


if __name__ == "__main__":
    main()
