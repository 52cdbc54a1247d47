"""Import torch once, for everyone: quiet, with one clear line when it is missing.

The other modules take torch and the parts of it that they use from here.
"""

from __future__ import annotations

import os
import warnings

from nanochat.common import die

# torch looks for numpy and warns when there is none; nothing here uses it.
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

try:
    import torch
    import torch.distributed as dist
    import torch.nn.functional as F
    from torch import nn
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    die("torch is not installed in this Python: pip install torch")

__all__ = ["F", "dist", "nn", "torch"]

if "OMP_NUM_THREADS" not in os.environ:
    # The model is so small that a second thread gains little, and while other programs want the
    # cores, threads that wait for each other make single steps take seconds.
    torch.set_num_threads(1)
