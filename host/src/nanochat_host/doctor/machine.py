"""Checks of the machine: Python, terminal, disk, processors, GPUs, torch."""

from __future__ import annotations

import importlib.util
import locale
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata

from nanochat_host.doctor.check import Check
from nanochat_host.paths import Paths

LOW_DISK_BYTES = 2 * 2**30
TORCH_HINT = "pip install torch (the `train` extra), or point a checkout at its own Python"


def python(paths: Paths) -> Iterator[Check]:
    """The interpreter and our own distributions."""
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    yield Check(
        "python", "Python", "ok" if good else "fail", f"{version} at {sys.executable}",
        "" if good else "install Python 3.11 or newer",
    )  # fmt: skip
    for name in (
        "nanochat-cli-host",
        "nanochat-cli-sdk",
        "nanochat-cli-panels",
        "textual",
        "msgspec",
    ):
        try:
            yield Check("python", name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check("python", name, "fail", "not installed", f"pip install {name}")
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        yield Check("python", "free threading", "warn", "untested build of Python")


def terminal(paths: Paths) -> Iterator[Check]:
    """What the screen can show."""
    size = shutil.get_terminal_size()
    small = size.columns < 80 or size.lines < 24
    yield Check(
        "terminal", "size", "warn" if small else "ok", f"{size.columns}x{size.lines}",
        "80x24 is the least that shows everything" if small else "",
    )  # fmt: skip
    term, colour = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    if os.environ.get("NO_COLOR"):
        yield Check("terminal", "colour", "off", "NO_COLOR is set: shapes and words carry meaning")
    elif term in ("", "dumb"):
        yield Check(
            "terminal", "colour", "warn", f"TERM={term or 'unset'}", "set TERM, e.g. xterm-256color"
        )
    else:
        rich = colour in ("truecolor", "24bit")
        yield Check(
            "terminal", "colour", "ok", f"TERM={term}, {'24 bit' if rich else '256 or fewer'}"
        )
    encoding = locale.getpreferredencoding(False)
    unicode_ok = encoding.lower().replace("-", "") == "utf8"
    yield Check(
        "terminal", "characters", "ok" if unicode_ok else "warn", encoding,
        "" if unicode_ok else "charts fall back to ASCII; set LANG=C.UTF-8",
    )  # fmt: skip


def disk(paths: Paths) -> Iterator[Check]:
    """Our folder: writable, with room."""
    folder = paths.home
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    writable = os.access(folder, os.W_OK)
    yield Check(
        "disk", "home", "ok" if writable else "fail", str(paths.home),
        "" if writable else "make it writable, or set NANOCHAT_CLI_HOME to a folder that is",
    )  # fmt: skip
    low = usage.free < LOW_DISK_BYTES
    yield Check(
        "disk", "room", "warn" if low else "ok", f"{usage.free / 2**30:.1f} GiB free",
        "checkpoints will not fit for long: free some space" if low else "",
    )  # fmt: skip


def gpu(paths: Paths) -> Iterator[Check]:
    """NVIDIA GPUs, through NVML."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        yield Check("gpu", "NVML", "off", f"no NVIDIA GPU to show ({error}); training uses the CPU")
        return
    try:
        driver = pynvml.nvmlSystemGetDriverVersion()
        yield Check("gpu", "driver", "ok", str(driver))
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            total = pynvml.nvmlDeviceGetMemoryInfo(handle).total
            name = pynvml.nvmlDeviceGetName(handle)
            yield Check("gpu", f"GPU {index}", "ok", f"{name}, {total / 2**30:.0f} GiB")
    finally:
        pynvml.nvmlShutdown()


def training(paths: Paths) -> Iterator[Check]:
    """What the embedded checkout needs; found without importing it."""
    if importlib.util.find_spec("torch") is None:
        yield Check(
            "training",
            "torch",
            "warn",
            "not in this environment: the demo cannot train",
            TORCH_HINT,
        )
    else:
        yield Check("training", "torch", "ok", metadata.version("torch"))
    for tool, use in (("git", "commit and changes of a checkout"), ("uv", "faster environments")):
        where = shutil.which(tool)
        yield Check(
            "training", tool, "ok" if where else "off", where or f"not found; used for {use}"
        )
