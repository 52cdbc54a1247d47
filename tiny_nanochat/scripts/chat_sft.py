"""Finetune a base model on questions and answers, so that it can be talked to.

    python -m scripts.chat_sft --model-tag=demo

Options left out are inherited from the base checkpoint. `--num-iterations` counts steps.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict

from nanochat.checkpoint_manager import (
    find_checkpoint,
    load_checkpoint,
    load_model,
    save_checkpoint,
)
from nanochat.common import die, get_base_dir, print0, start_wandb
from nanochat.compute import (
    autodetect_device_type,
    average_across_ranks,
    compute_cleanup,
    compute_init,
    device_hooks,
    measure_peak_flops,
)
from nanochat.conversations import conversation_batches, make_conversations
from nanochat.loss_eval import evaluate_bpb
from nanochat.tokenizer import get_token_bytes
from nanochat.torch_setup import torch
from nanochat.training import eval_steps_for, grad_accum_steps_for, print_parameter_counts

# ------------------------------------------------------------------------------------- options
parser = argparse.ArgumentParser(description="Finetune a base model for chat")
parser.add_argument("--run", type=str, default="dummy", help="name of the wandb run (dummy: none)")
parser.add_argument("--device-type", type=str, default="", help="cuda, cpu or mps (empty: detect)")
# The base model
parser.add_argument("--model-tag", type=str, default=None, help="base model (default: the last)")
parser.add_argument("--model-step", type=int, default=None, help="its step (default: the last)")
parser.add_argument(
    "--load-optimizer", type=int, default=1, help="keep the optimizer's means: 0, 1"
)
# Training
parser.add_argument("--num-iterations", type=int, default=-1, help="steps to train (-1: one epoch)")
parser.add_argument("--num-conversations", type=int, default=2000, help="conversations to make")
parser.add_argument("--device-batch-size", type=int, default=None, help="rows of a micro-batch")
parser.add_argument("--total-batch-size", type=int, default=None, help="tokens of a step")
parser.add_argument("--embedding-lr", type=float, default=None, help="learning rate of embeddings")
parser.add_argument("--unembedding-lr", type=float, default=None, help="learning rate of the head")
parser.add_argument("--matrix-lr", type=float, default=None, help="learning rate of the blocks")
parser.add_argument("--init-lr-frac", type=float, default=0.5, help="learning rates begin at this")
parser.add_argument("--warmup-ratio", type=float, default=0.0, help="first part, of rising rate")
parser.add_argument("--warmdown-ratio", type=float, default=0.5, help="last part, of falling rate")
parser.add_argument("--final-lr-frac", type=float, default=0.0, help="learning rate at the end")
# Evaluation
parser.add_argument(
    "--eval-every", type=int, default=50, help="steps between evals (-1: at the end)"
)
parser.add_argument("--eval-tokens", type=int, default=8192, help="tokens of an evaluation")
args = parser.parse_args()
user_config = vars(args).copy()

# ------------------------------------------------------------------------------- model and data
device_type = args.device_type or autodetect_device_type()
ddp, ddp_rank, ddp_local_rank, ddp_world_size, device = compute_init(device_type)
master_process = ddp_rank == 0
synchronize, get_max_memory = device_hooks(device)
base_checkpoint, base_step = find_checkpoint("base", args.model_tag, args.model_step)
model, tokenizer, meta = load_model("base", device, "train", base_checkpoint.name, base_step)
for name in (
    *("device_batch_size", "total_batch_size"),
    *("embedding_lr", "unembedding_lr", "matrix_lr"),
):
    if getattr(args, name) is None:
        # The sizes are in the metadata as they came out, the rates as they were asked for.
        setattr(args, name, meta[name] if name in meta else meta["user_config"][name])
        print0(f"Inherited {name}={getattr(args, name)} from pretrained checkpoint")
sequence_len = model.config.sequence_len
num_flops_per_token = print_parameter_counts(model)
grad_accum_steps = grad_accum_steps_for(
    args.total_batch_size, args.device_batch_size, sequence_len, ddp_world_size
)
eval_steps_for(args.eval_tokens, args.device_batch_size, sequence_len, ddp_world_size)
token_bytes = get_token_bytes(device)
train_conversations = make_conversations("train", args.num_conversations)
val_conversations = make_conversations("val", args.num_conversations)
print0(f"Training mixture: {len(train_conversations):,} rows")
if not train_conversations or not val_conversations:
    die("no docstrings in the shards: run `python -m nanochat.dataset` again")
rows_per_step = args.total_batch_size // sequence_len
num_iterations = args.num_iterations
if num_iterations <= 0:
    num_iterations = -(-len(train_conversations) // rows_per_step)

optimizer = model.setup_optimizer(
    args.embedding_lr, args.unembedding_lr, args.matrix_lr, weight_decay=0.0
)
if args.load_optimizer:
    _, optimizer_data, _ = load_checkpoint(
        base_checkpoint, base_step, device, load_optimizer=True, rank=ddp_rank
    )
    moments = (optimizer_data or {})["state"]  # and not the learning rates, which start anew
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
for group in optimizer.param_groups:
    group["initial_lr"] *= args.init_lr_frac


def batches(
    split_conversations: list[dict[str, list[dict[str, str]]]],
) -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
    """This rank's batches of the conversations, endlessly."""
    return conversation_batches(
        split_conversations,
        tokenizer,
        args.device_batch_size,
        sequence_len,
        device,
        ddp_rank,
        ddp_world_size,
    )


def get_lr_multiplier(progress: float) -> float:
    """The part of the learning rate used at `progress` (0 to 1): up, level, and down."""
    warmup, warmdown = float(args.warmup_ratio), float(args.warmdown_ratio)
    if progress < warmup:
        return (progress + 1e-8) / warmup
    if progress <= 1 - warmdown:
        return 1.0
    left = (1 - progress) / warmdown
    return left + (1 - left) * float(args.final_lr_frac)


train_loader = batches(train_conversations)
x, y, current_epoch = next(train_loader)
gpu_peak_flops = measure_peak_flops(device)
wandb_run = start_wandb(args.run, "nanochat-sft", user_config, master_process)
checkpoint_dir = get_base_dir() / "chatsft_checkpoints" / base_checkpoint.name
step = 0
val_bpb: float | None = None
min_val_bpb = float("inf")
smooth_train_loss = 0.0
total_training_time = 0.0
ema_beta = 0.9

# -------------------------------------------------------------------------------- training loop
while True:
    last_step = step >= num_iterations
    flops_so_far = num_flops_per_token * args.total_batch_size * step

    if last_step or (args.eval_every > 0 and step % args.eval_every == 0):
        model.eval()
        eval_steps = eval_steps_for(
            args.eval_tokens, args.device_batch_size, sequence_len, ddp_world_size
        )
        val_loader = ((inputs, targets) for inputs, targets, _ in batches(val_conversations))
        val_bpb = evaluate_bpb(model, val_loader, eval_steps, token_bytes)
        min_val_bpb = min(min_val_bpb, val_bpb)
        print0(f"Step {step:05d} | Validation bpb: {val_bpb:.4f}")
        wandb_run.log(
            {
                "step": step,
                "total_training_flops": flops_so_far,
                "total_training_time": total_training_time,
                "val/bpb": val_bpb,
            }
        )
        model.train()

    if last_step:
        save_checkpoint(
            checkpoint_dir,
            step,
            model.state_dict(),
            optimizer.state_dict(),
            {
                "step": step,
                "val_bpb": val_bpb,
                "model_config": asdict(model.config),
                "user_config": user_config,
                "tokenizer_sha256": tokenizer.digest(),
            },
            rank=ddp_rank,
        )

    if last_step:
        break

    synchronize()
    t0 = time.perf_counter()
    train_loss = torch.zeros((), device=device)
    for _micro_step in range(grad_accum_steps):
        loss = model(x, y) / grad_accum_steps
        train_loss += loss.detach()
        loss.backward()
        x, y, current_epoch = next(train_loader)
    average_across_ranks([train_loss, *(p.grad for p in model.parameters() if p.grad is not None)])
    lrm = get_lr_multiplier(step / num_iterations)
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * lrm
    optimizer.step()
    optimizer.zero_grad()
    train_loss_f = train_loss.item()
    synchronize()
    dt = time.perf_counter() - t0
    step += 1

    smooth_train_loss = ema_beta * smooth_train_loss + (1 - ema_beta) * train_loss_f
    debiased_smooth_loss = smooth_train_loss / (1 - ema_beta**step)
    pct_done = 100 * step / num_iterations
    tok_per_sec = int(args.total_batch_size / dt)
    mfu = 100 * num_flops_per_token * tok_per_sec / (gpu_peak_flops * ddp_world_size)
    if step > 10:
        total_training_time += dt
    print0(
        f"step {step:05d} ({pct_done:.2f}%) | loss: {debiased_smooth_loss:.6f} | lrm: {lrm:.2f}"
        f" | dt: {dt * 1000:.2f}ms | tok/sec: {tok_per_sec:,} | mfu: {mfu:.2f}"
        f" | epoch: {current_epoch} | total time: {total_training_time / 60:.2f}m"
    )
    if step % 10 == 0:
        wandb_run.log(
            {
                "step": step,
                "total_training_flops": flops_so_far,
                "total_training_time": total_training_time,
                "train/loss": debiased_smooth_loss,
                "train/lrm": lrm,
                "train/dt": dt,
                "train/tok_per_sec": tok_per_sec,
                "train/mfu": mfu,
                "train/epoch": current_epoch,
            }
        )

print0(f"Peak memory usage: {get_max_memory() / 2**20:.2f}MiB")
print0(f"Total training time: {total_training_time / 60:.2f}m")
print0(f"Minimum validation bpb: {min_val_bpb:.4f}")
wandb_run.finish()
compute_cleanup()
