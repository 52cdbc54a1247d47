"""GPUs through NVML. No GPU, no driver, an error while reading: states with words, not errors."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

from nanochat_sdk.data import GpuInfo

logger = logging.getLogger(__name__)
RETRY_READS = 30
"""After a failure at run time (a driver update, a GPU off the bus) try again this many reads on."""


def _pynvml() -> Any:
    import pynvml

    return pynvml


class Gpus:
    """The machine's NVIDIA GPUs. infos: what they are. note: why there is none, "" when there is.

    load: gives the pynvml module; raises ImportError without it.
    """

    def __init__(self, load: Callable[[], Any] = _pynvml) -> None:
        self.infos: list[GpuInfo] = []
        self.note = "not looked for yet"
        self._load = load
        self._nvml: Any = None
        self._handles: list[Any] = []
        self._wait = 0

    def open(self) -> None:
        """Find the GPUs."""
        self.infos, self._handles = [], []
        try:
            self._nvml = nvml = self._load()
        except ImportError:
            self.note = "no GPU: the package nvidia-ml-py is not installed"
            return
        try:
            nvml.nvmlInit()
            for index in range(nvml.nvmlDeviceGetCount()):
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                self._handles.append(handle)
                self.infos.append(self._describe(index, handle))
            self.note = "" if self._handles else "no GPU: the driver reports none"
        except nvml.NVMLError as error:
            self.infos, self._handles = [], []
            self.note = _why(nvml, error)

    def close(self) -> None:
        """Let go of the driver."""
        if self._handles:
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
            self._handles = []

    def read(self) -> dict[str, float]:
        """Readings of all GPUs by metric name; what a GPU does not give is left out."""
        out: dict[str, float] = {}
        if not self._handles:
            self._wait -= 1
            if self._wait < 0 and self.note.startswith("GPU lost"):
                self._wait = RETRY_READS
                self.open()
            return out
        nvml = self._nvml
        for index, handle in enumerate(self._handles):
            try:
                memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            except nvml.NVMLError as error:
                self.note = f"GPU lost: {_text(error)}"
                logger.warning(self.note)
                self.close()
                return out
            out[f"gpu/{index}/mem_used"] = float(memory.used)
            for name, value in self._optional(handle):
                out[f"gpu/{index}/{name}"] = value
        return out

    def _optional(self, handle: Any) -> list[tuple[str, float]]:
        """Readings that not every GPU gives."""
        nvml = self._nvml
        reads: list[tuple[str, Callable[[], float]]] = [
            ("util", lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu),
            ("power", lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000),
            ("temp", lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
            ("sm_clock", lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),
            ("mem_clock", lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM)),
        ]
        out = []
        for name, read in reads:
            with contextlib.suppress(nvml.NVMLError):
                out.append((name, float(read())))
        return out

    def _describe(self, index: int, handle: Any) -> GpuInfo:
        nvml = self._nvml
        name = nvml.nvmlDeviceGetName(handle)
        limit_w = 0.0
        with contextlib.suppress(nvml.NVMLError):
            limit_w = nvml.nvmlDeviceGetPowerManagementLimit(handle) / 1000
        return GpuInfo(
            index=index,
            name=name.decode() if isinstance(name, bytes) else str(name),
            memory_bytes=int(nvml.nvmlDeviceGetMemoryInfo(handle).total),
            power_limit_w=limit_w,
        )


def _text(error: Exception) -> str:
    return str(error).strip() or type(error).__name__


def _why(nvml: Any, error: Exception) -> str:
    code = getattr(error, "value", None)
    missing = {getattr(nvml, n, None) for n in ("NVML_ERROR_LIBRARY_NOT_FOUND",)}
    if code is not None and code in missing:
        return "no GPU: no NVIDIA driver found"
    return f"no GPU: {_text(error)}"
