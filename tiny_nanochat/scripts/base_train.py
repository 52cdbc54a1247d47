"""Pretrain the base model on the shards.

    python -m scripts.base_train --depth=4 --num-iterations=1000
    torchrun --standalone --nproc_per_node=2 -m scripts.base_train -- --depth=4

Flags, output and checkpoints are those of nanochat's script of this name. The loop stands at
module level and keeps its state in plain globals, where a debugger or a hook can look at it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict

from nanochat.checkpoint_manager import load_checkpoint, save_checkpoint
from nanochat.common import die, get_base_dir, print0, start_wandb
from nanochat.compute import (
    autodetect_device_type,
    average_across_ranks,
    compute_cleanup,
    compute_init,
    device_hooks,
    measure_peak_flops,
)
from nanochat.dataloader import data_loader, data_loader_with_state
from nanochat.engine import Engine
from nanochat.gpt import GPT, GPTConfig
from nanochat.loss_eval import evaluate_bpb
from nanochat.tokenizer import get_token_bytes, get_tokenizer
from nanochat.torch_setup import torch
from nanochat.training import (
    eval_steps_for,
    grad_accum_steps_for,
    layer_grad_norms,
    print_parameter_counts,
)

# ------------------------------------------------------------------------------------- options
parser = argparse.ArgumentParser(description="Pretrain the base model")
# Logging and runtime
parser.add_argument("--run", type=str, default="dummy", help="name of the wandb run (dummy: none)")
parser.add_argument("--device-type", type=str, default="", help="cuda, cpu or mps (empty: detect)")
# Model
parser.add_argument("--depth", type=int, default=3, help="number of Transformer blocks")
parser.add_argument("--aspect-ratio", type=int, default=32, help="channels for each block of depth")
parser.add_argument("--head-dim", type=int, default=24, help="channels of an attention head")
parser.add_argument(
    "--kv-heads", type=int, default=-1, help="key/value heads (-1: half, or 1 if odd)"
)
parser.add_argument("--max-seq-len", type=int, default=128, help="context length in tokens")
# How long: the first one that is set counts
parser.add_argument("--num-iterations", type=int, default=-1, help="steps to train (-1: by ratio)")
parser.add_argument("--target-param-data-ratio", type=float, default=6.0, help="tokens per weight")
# Optimization
parser.add_argument("--device-batch-size", type=int, default=8, help="rows of a micro-batch")
parser.add_argument("--total-batch-size", type=int, default=-1, help="tokens a step (-1: least)")
parser.add_argument("--embedding-lr", type=float, default=0.1, help="learning rate of embeddings")
parser.add_argument("--unembedding-lr", type=float, default=0.01, help="learning rate of the head")
parser.add_argument("--matrix-lr", type=float, default=0.003, help="learning rate of the blocks")
parser.add_argument("--weight-decay", type=float, default=0.1, help="decay of the blocks' weights")
parser.add_argument("--warmup-steps", type=int, default=20, help="steps of rising learning rate")
parser.add_argument("--warmdown-ratio", type=float, default=0.8, help="last part, of falling rate")
parser.add_argument("--final-lr-frac", type=float, default=0.05, help="learning rate at the end")
parser.add_argument("--resume-from-step", type=int, default=-1, help="go on from it (-1: anew)")
# Evaluation and output
parser.add_argument("--eval-every", type=int, default=50, help="steps between evals (-1: none)")
parser.add_argument("--eval-tokens", type=int, default=8192, help="tokens of an evaluation")
parser.add_argument(
    "--sample-every", type=int, default=200, help="steps between samples (-1: none)"
)
parser.add_argument(
    "--save-every", type=int, default=-1, help="steps between saves (-1: at the end)"
)
parser.add_argument("--model-tag", type=str, default=None, help="checkpoint folder (d<depth>)")
args = parser.parse_args()
user_config = vars(args).copy()

# ------------------------------------------------------------------------ device and tokenizer
device_type = args.device_type or autodetect_device_type()
ddp, ddp_rank, ddp_local_rank, ddp_world_size, device = compute_init(device_type)
master_process = ddp_rank == 0
synchronize, get_max_memory = device_hooks(device)
tokenizer = get_tokenizer()
token_bytes = get_token_bytes(device)
vocab_size = tokenizer.get_vocab_size()
print0(f"Vocab size: {vocab_size:,}")

# --------------------------------------------------------------------------------------- model
if min(args.depth, args.aspect_ratio, args.head_dim, args.max_seq_len) < 1 or args.head_dim % 2:
    die("--depth, --aspect-ratio and --max-seq-len must be positive, --head-dim positive and even")
n_head = max(1, round(args.depth * args.aspect_ratio / args.head_dim))
n_kv_head = args.kv_heads
if n_kv_head == -1:
    n_kv_head = n_head // 2 if n_head % 2 == 0 else 1
if n_kv_head < 1 or n_head % n_kv_head:
    legal = ", ".join(str(n) for n in range(1, n_head + 1) if n_head % n == 0)
    die(f"--kv-heads={args.kv_heads} does not divide the {n_head} heads: one of {legal}")
model_config = GPTConfig(
    sequence_len=args.max_seq_len,
    vocab_size=vocab_size,
    n_layer=args.depth,
    n_head=n_head,
    n_kv_head=n_kv_head,
    n_embd=n_head * args.head_dim,
)
model_config_kwargs = asdict(model_config)
print0(f"Model config:\n{json.dumps(model_config_kwargs, indent=2)}")
model = GPT(model_config).to(device)
num_flops_per_token = print_parameter_counts(model)
num_scaling_params = model.num_scaling_params()["total"]
optimizer = model.setup_optimizer(
    args.embedding_lr, args.unembedding_lr, args.matrix_lr, args.weight_decay
)

# --------------------------------------------------------------------------------- batch sizes
total_batch_size = args.total_batch_size
if total_batch_size == -1:
    total_batch_size = args.device_batch_size * args.max_seq_len * ddp_world_size
grad_accum_steps = grad_accum_steps_for(
    total_batch_size, args.device_batch_size, args.max_seq_len, ddp_world_size
)
if args.eval_every > 0:
    eval_steps_for(args.eval_tokens, args.device_batch_size, args.max_seq_len, ddp_world_size)
if args.num_iterations > 0:
    num_iterations = args.num_iterations
    print0(f"Using user-provided number of iterations: {num_iterations:,}")
elif args.target_param_data_ratio > 0:
    num_iterations = int(args.target_param_data_ratio * num_scaling_params) // total_batch_size
    print0(f"Calculated number of iterations from target data:param ratio: {num_iterations:,}")
else:
    die("nothing says how long to train: set --num-iterations or --target-param-data-ratio")
total_tokens = total_batch_size * num_iterations
print0(f"Total number of training tokens: {total_tokens:,}")
print0(f"Tokens : Scaling params ratio: {total_tokens / num_scaling_params:.2f}")
print0(f"Total training FLOPs estimate: {num_flops_per_token * total_tokens:e}")

# ------------------------------------------------------------------------ fresh start or resume
output_dirname = args.model_tag or f"d{args.depth}"
checkpoint_dir = get_base_dir() / "base_checkpoints" / output_dirname
step = 0
val_bpb: float | None = None
min_val_bpb: float | None = None
smooth_train_loss = 0.0
total_training_time = 0.0
dataloader_state_dict = None
if args.resume_from_step != -1:
    print0(f"Resuming optimization from step {args.resume_from_step}")
    model_data, optimizer_data, meta_data = load_checkpoint(
        checkpoint_dir, args.resume_from_step, device, load_optimizer=True, rank=ddp_rank
    )
    for name, value in model_config_kwargs.items():
        if meta_data["model_config"].get(name) != value:
            saved = meta_data["model_config"].get(name)
            die(
                f"cannot resume {checkpoint_dir}: its {name} is {saved}, these options give {value}"
            )
    if meta_data.get("tokenizer_sha256") != tokenizer.digest():
        die(f"cannot resume {checkpoint_dir}: it was trained with another tokenizer; train anew")
    model.load_state_dict(model_data)
    optimizer.load_state_dict(optimizer_data or {})
    step = meta_data["step"]
    val_bpb = meta_data["val_bpb"]
    min_val_bpb = meta_data["loop_state"]["min_val_bpb"]
    smooth_train_loss = meta_data["loop_state"]["smooth_train_loss"]
    total_training_time = meta_data["loop_state"]["total_training_time"]
    dataloader_state_dict = meta_data["dataloader_state_dict"]
first_step = step

train_loader = data_loader_with_state(
    tokenizer, args.device_batch_size, args.max_seq_len, "train", device, dataloader_state_dict
)
x, y, dataloader_state_dict = next(train_loader)
gpu_peak_flops = measure_peak_flops(device)
print0(
    f"{device_type}: {torch.get_num_threads()} threads | peak {gpu_peak_flops:.2e} FLOP/s (fp32)"
)
wandb_run = start_wandb(args.run, "nanochat", user_config, master_process)


def build_val_loader() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The validation split from its beginning: every evaluation sees the same text."""
    return data_loader(tokenizer, args.device_batch_size, args.max_seq_len, "val", device)


def get_lr_multiplier(it: int) -> float:
    """The part of the learning rate that step `it` uses: up, level, and down to the end."""
    warmup_steps, final_frac = int(args.warmup_steps), float(args.final_lr_frac)
    warmdown_steps = round(args.warmdown_ratio * num_iterations)
    if it < warmup_steps:
        return (it + 1) / warmup_steps
    if it <= num_iterations - warmdown_steps:
        return 1.0
    left: float = (num_iterations - it) / warmdown_steps
    return left + (1 - left) * final_frac


sample_prompts = ["import ", "def __init__(self", '    """Return ', "    for i in range(", "class "]
ema_beta = 0.9

# -------------------------------------------------------------------------------- training loop
while True:
    last_step = step == num_iterations  # one more round than steps, to evaluate and save the end
    flops_so_far = num_flops_per_token * total_batch_size * step

    if args.eval_every > 0 and (last_step or step % args.eval_every == 0):
        model.eval()
        eval_steps = eval_steps_for(
            args.eval_tokens, args.device_batch_size, args.max_seq_len, ddp_world_size
        )
        val_bpb = evaluate_bpb(model, build_val_loader(), eval_steps, token_bytes)
        min_val_bpb = val_bpb if min_val_bpb is None else min(min_val_bpb, val_bpb)
        print0(f"Step {step:05d} | Validation bpb: {val_bpb:.6f}")
        wandb_run.log(
            {
                "step": step,
                "total_training_flops": flops_so_far,
                "total_training_time": total_training_time,
                "val/bpb": val_bpb,
            }
        )
        model.train()

    if (
        args.sample_every > 0
        and master_process
        and (last_step or (step > 0 and step % args.sample_every == 0))
    ):
        model.eval()
        engine = Engine(model, tokenizer)
        for prompt in sample_prompts:
            tokens = tokenizer(prompt, prepend="<|bos|>")
            sample, _ = engine.generate_batch(tokens, max_tokens=32, temperature=0.7, top_k=50)
            print0(tokenizer.decode(sample[0]))
        model.train()

    if last_step or (step > first_step and args.save_every > 0 and step % args.save_every == 0):
        save_checkpoint(
            checkpoint_dir,
            step,
            model.state_dict(),
            optimizer.state_dict(),
            {
                "step": step,
                "val_bpb": val_bpb,
                "model_config": model_config_kwargs,
                "user_config": user_config,
                "device_batch_size": args.device_batch_size,
                "max_seq_len": args.max_seq_len,
                "total_batch_size": total_batch_size,
                "dataloader_state_dict": dataloader_state_dict,
                "loop_state": {
                    "min_val_bpb": min_val_bpb,
                    "smooth_train_loss": smooth_train_loss,
                    "total_training_time": total_training_time,
                },
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
        x, y, dataloader_state_dict = next(train_loader)
    average_across_ranks([train_loss, *(p.grad for p in model.parameters() if p.grad is not None)])
    lrm = get_lr_multiplier(step)
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * lrm
    grad_norms = layer_grad_norms(model) if step % 10 == 0 else {}
    optimizer.step()
    optimizer.zero_grad()
    train_loss_f = train_loss.item()
    synchronize()
    dt = time.perf_counter() - t0

    # A mean of the last losses; early on it is scaled up by the weight that is still missing.
    smooth_train_loss = ema_beta * smooth_train_loss + (1 - ema_beta) * train_loss_f
    debiased_smooth_loss = smooth_train_loss / (1 - ema_beta ** (step + 1))
    pct_done = 100 * step / num_iterations
    tok_per_sec = int(total_batch_size / dt)
    mfu = 100 * num_flops_per_token * tok_per_sec / (gpu_peak_flops * ddp_world_size)
    # The first steps are slow (memory is allocated, code paths are chosen) and stay out of this.
    eta_str = ""
    if step > 10:
        total_training_time += dt
        eta_s = (num_iterations - step) * total_training_time / (step - 10)
        eta_str = f" | eta: {eta_s / 60:.1f}m"
    position = dataloader_state_dict
    epoch = f"{position['epoch']} pq: {position['pq_idx']} rg: {position['rg_idx']}"
    print0(
        f"step {step:05d}/{num_iterations:05d} ({pct_done:.2f}%) | loss: {debiased_smooth_loss:.6f}"
        f" | lrm: {lrm:.2f} | dt: {dt * 1000:.2f}ms | tok/sec: {tok_per_sec:,}"
        f" | bf16_mfu: {mfu:.2f} | epoch: {epoch} | total time: {total_training_time / 60:.2f}m"
        f"{eta_str}"
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
                "train/epoch": epoch,
                **grad_norms,
            }
        )
    step += 1

print0(f"Peak memory usage: {get_max_memory() / 2**20:.2f}MiB")
print0(f"Total training time: {total_training_time / 60:.2f}m")
if min_val_bpb is not None:
    print0(f"Minimum validation bpb: {min_val_bpb:.6f}")
wandb_run.finish()
compute_cleanup()
