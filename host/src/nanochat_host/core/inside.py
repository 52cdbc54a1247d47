"""Run a program of ours (`checkout/inside.py`) in a checkout's own Python."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import nanochat_host
from nanochat_host.core.wire import CheckoutRef
from nanochat_host.errors import NanochatCliError, RefusedError

RUNNER = Path(nanochat_host.__file__).parent / "checkout" / "inside.py"
_NAMES = frozenset(
    {
        *("PATH", "HOME", "USER", "LANG", "TMPDIR", "SHELL", "TZ", "VIRTUAL_ENV", "CONDA_PREFIX"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    }
)
_PREFIXES = ("LC_", "XDG_", "CUDA", "NVIDIA_", "TORCH", "NANOCHAT_", "HF_", "TRITON_", "PYTORCH_")
_SECRET = ("TOKEN", "KEY", "SECRET", "PASSWORD")


class InsideError(NanochatCliError):
    """The checkout's Python could not do it; the message is its last word."""

    code, status = "checkout_failed", 502


def inside_command(ref: CheckoutRef, program: str) -> list[str]:
    """program: "chat.driver", "weights.probe" or "weights.reshard"."""
    return [ref.python, "-u", str(RUNNER), program]


def few_threads() -> int:
    """Threads that leave a CPU to a run that may train on it."""
    return 1 if (os.cpu_count() or 1) < 8 else 4


def inside_env(ref: CheckoutRef, *, all_threads: bool = False) -> dict[str, str]:
    """What such a program may see: no token of ours, no key. all_threads: torch takes as many as
    in the checkout's own programs."""
    env = {
        name: value
        for name, value in os.environ.items()
        if (name in _NAMES or name.startswith(_PREFIXES))
        and not any(word in name for word in _SECRET)
    }
    env |= {"NANOCHAT_BASE_DIR": ref.base_dir, "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"PYTHONIOENCODING": "utf-8", "WANDB_MODE": "disabled"}
    if not all_threads:
        env.setdefault("OMP_NUM_THREADS", str(few_threads()))
    return env


def require_checkout(ref: CheckoutRef) -> None:
    """Raises RefusedError when its folder or its Python is gone."""
    if not Path(ref.path).is_dir():
        raise RefusedError(f"{ref.path} is gone", f"`checkout remove {ref.name}`, or put it back")
    if not os.access(ref.python, os.X_OK):
        hint = f"`checkout remove {ref.name}`, then `checkout add` with --python"
        raise RefusedError(f"{ref.python} cannot be executed", hint)


def ask_inside(ref: CheckoutRef, program: str, question: Any, timeout_s: float) -> dict[str, Any]:
    """One question, one answer. Blocks. Raises RefusedError or InsideError."""
    require_checkout(ref)
    try:
        done = subprocess.run(
            inside_command(ref, program),
            input=json.dumps(question),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            cwd=ref.path,
            env=inside_env(ref),
        )
    except subprocess.TimeoutExpired:
        raise InsideError(f"{ref.python} did not answer within {timeout_s:.0f} s") from None
    except OSError as error:
        raise InsideError(f"{ref.python} does not run: {error.strerror}") from None
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise InsideError(last_words(done.stderr) or f"{program} ended without a word") from None
    return answer if isinstance(answer, dict) else {}


def last_words(stderr: str) -> str:
    """The last line of a traceback, or of whatever was printed."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def install_torch_hint(ref: CheckoutRef) -> str:
    """How to give a checkout torch."""
    if ref.builtin:
        return f"install it: {ref.python} -m pip install 'nanochat-cli[train]'"
    return f"`nanochat-cli checkout env {ref.name} --make` makes an environment that has it"
