"""The device, the process group and the two collectives that data parallelism needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from nanochat.common import die, get_dist_info, print0
from nanochat.torch_setup import dist, torch

SEED = 42


def autodetect_device_type() -> str:
    """cuda, mps or cpu, whichever is there, in this order."""
    if torch.cuda.is_available():
        device_type = "cuda"
    elif torch.backends.mps.is_available():
        device_type = "mps"
    else:
        device_type = "cpu"
    print0(f"Autodetected device type: {device_type}")
    return device_type


def compute_init(device_type: str) -> tuple[bool, int, int, int, torch.device]:
    """Seed, pick the device and, under torchrun, join the process group.

    Returns (distributed?, rank, local rank, number of ranks, device).
    """
    ddp, rank, local_rank, world_size = get_dist_info()
    usable = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not usable.get(device_type, False):
        there = ", ".join(name for name, is_there in usable.items() if is_there)
        die(f"--device-type={device_type} cannot be used on this machine; there is: {there}")
    torch.manual_seed(SEED)
    device = torch.device(device_type)
    if device_type == "cuda":
        device = torch.device("cuda", local_rank)
        torch.cuda.set_device(device)
    if ddp and not dist.is_initialized():
        dist.init_process_group("nccl" if device_type == "cuda" else "gloo")
    return ddp, rank, local_rank, world_size, device


def compute_cleanup() -> None:
    """Leave the process group, if one was joined."""
    if dist.is_initialized():
        dist.destroy_process_group()


def average_across_ranks(tensors: Iterable[torch.Tensor]) -> None:
    """Replace each tensor by its mean over the ranks, in place, in one message."""
    if not dist.is_initialized():
        return
    parts = list(tensors)
    flat = torch.cat([part.reshape(-1) for part in parts])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for part, mean in zip(parts, torch.split(flat, [part.numel() for part in parts]), strict=True):
        part.copy_(mean.view_as(part))


def sum_across_ranks(values: torch.Tensor) -> None:
    """Replace the tensor by its sum over the ranks, in place."""
    if dist.is_initialized():
        dist.all_reduce(values)


def device_hooks(device: torch.device) -> tuple[Callable[[], None], Callable[[], int]]:
    """(wait for the device, peak memory in bytes: the GPU's, or this process's without one)."""
    if device.type == "cuda":
        return torch.cuda.synchronize, torch.cuda.max_memory_allocated
    import resource

    return lambda: None, lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure_peak_flops(device: torch.device) -> float:
    """FLOP/s of a square float32 matrix product, the best of ten: what MFU is a part of.

    No table of peak figures would hold for whatever processor a laptop has.
    """
    synchronize, _ = device_hooks(device)
    size = 4096 if device.type == "cuda" else 512
    matrix = torch.ones(size, size, device=device)
    best_s = float("inf")
    for _ in range(10):
        synchronize()
        start_s = time.perf_counter()
        matrix @ matrix
        synchronize()
        best_s = min(best_s, time.perf_counter() - start_s)
    return 2 * size**3 / best_s
