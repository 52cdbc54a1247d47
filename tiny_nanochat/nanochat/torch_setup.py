"""Import torch once, for everyone: quiet, with one clear line when it is missing.

The other modules write `from nanochat.torch_setup import torch`.
"""

from __future__ import annotations

import os
import warnings

from nanochat.common import die

# torch looks for numpy and warns when there is none; nothing here uses it.
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

try:
    import torch
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    die(
        "torch is not installed in this Python: pip install torch "
        "--index-url https://download.pytorch.org/whl/cpu"
    )

__all__ = ["torch"]

if "OMP_NUM_THREADS" not in os.environ:
    # The model is so small that a second thread gains little, and while other programs want the
    # cores, threads that wait for each other make single steps take seconds.
    torch.set_num_threads(1)
