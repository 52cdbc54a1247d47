"""A checkpoint in memory, by the checkout's own modules: today's nanochat, older ones, forks."""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from . import LIBRARY

ENDS = ("<|assistant_end|>", "<|bos|>")
CHAT = ("<|user_start|>", "<|user_end|>", "<|assistant_start|>", "<|assistant_end|>")
TOOL = ("<|python_start|>", "<|python_end|>", "<|output_start|>", "<|output_end|>")
GENERATE = ("temperature", "top_k", "max_tokens", "seed")
_SOURCES = {"base", "mid", "sft", "rl"}


class Loaded:
    """Model and tokenizer, and how this checkout makes them speak."""

    def __init__(self, torch: Any, device: Any, model: Any, tokenizer: Any, autocast: bool) -> None:
        self.tokenizer = tokenizer
        self._torch, self._device, self._model = torch, device, model
        self._autocast = autocast
        self._threads = torch.get_num_threads()
        self.special = specials(tokenizer)
        self._generate, self._columns = self._voice()

    def facts(self) -> dict[str, Any]:
        """What there is to know about it. chat: it has the tokens of a conversation."""
        config = getattr(self._model, "config", None)
        return {
            "device": str(self._device),
            "params": sum(weight.numel() for weight in self._model.parameters()),
            "context": int(getattr(config, "sequence_len", 0) or 0),
            "chat": all(word in self.special for word in CHAT),
        }

    def generate(self, tokens: list[int], request: dict[str, Any]) -> Iterator[int]:
        """Tokens as the model says them, with those its tools put in."""
        self._torch.set_num_threads(min(request.get("threads") or self._threads, self._threads))
        wanted = {key: request[key] for key in GENERATE if request.get(key) is not None}
        known = inspect.signature(self._generate).parameters
        if "seed" not in known and "seed" in wanted:
            self._torch.manual_seed(wanted["seed"])
        kwargs = {key: value for key, value in wanted.items() if key in known}
        with self._precision():
            for said in self._generate(tokens, **kwargs):
                yield int(said[0][0]) if self._columns else int(said)

    def _voice(self) -> tuple[Callable[..., Any], bool]:
        """The engine with its cache and tools where there is one, else the model's own way."""
        with contextlib.suppress(ImportError, AttributeError):
            engine = importlib.import_module(f"{LIBRARY}.engine").Engine(
                self._model, self.tokenizer
            )
            return engine.generate, True
        return self._model.generate, False

    def _precision(self) -> Any:
        if self._autocast:
            return self._torch.amp.autocast(device_type="cuda", dtype=self._torch.bfloat16)
        return contextlib.nullcontext()


def load(request: dict[str, Any]) -> Loaded:
    """Load what a "load" request names. Raises whatever the checkout raises."""
    torch = importlib.import_module("torch")
    common = importlib.import_module(f"{LIBRARY}.common")
    manager = importlib.import_module(f"{LIBRARY}.checkpoint_manager")
    device = _device(torch, common, str(request.get("device") or ""))
    folder, step, stage = request["folder"], int(request["step"]), str(request["stage"])
    if hasattr(manager, "build_model"):
        model, tokenizer, _ = manager.build_model(folder, step, device, "eval")
    elif stage in _SOURCES:
        model, tokenizer, _ = manager.load_model(
            stage, device, "eval", model_tag=request["tag"], step=step
        )
    else:
        raise RuntimeError(f"this checkout cannot load a checkpoint of the stage `{stage}`")
    model.eval()
    # Before it chose a compute type of its own, nanochat kept embeddings in bfloat16 and relied on
    # autocast around every call.
    older = not hasattr(common, "COMPUTE_DTYPE")
    halves = any(weight.dtype == torch.bfloat16 for weight in model.parameters())
    return Loaded(torch, device, model, tokenizer, older and halves and device.type == "cuda")


def specials(tokenizer: Any) -> dict[str, int]:
    """The special tokens it has, of those a conversation may need."""
    found: dict[str, int] = {}
    for word in (*ENDS, *CHAT, *TOOL):
        with contextlib.suppress(Exception):
            number = tokenizer.encode_special(word)
            if isinstance(number, int):
                found[word] = number
    with contextlib.suppress(Exception):
        found["<|bos|>"] = int(tokenizer.get_bos_token_id())
    return found


def one_line(error: BaseException) -> str:
    """What happened, without the traceback."""
    if isinstance(error, SystemExit) and not isinstance(error.code, str):
        return ""  # it has printed why
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:2]) if lines else ""
    name = type(error).__name__
    if name in {"RuntimeError", "SystemExit", "AssertionError"} and text:
        return text[:300]
    return f"{name}: {text}"[:300]


def _device(torch: Any, common: Any, wanted: str) -> Any:
    """The device, set up as the checkout's own scripts do where they can be asked to."""
    kind = wanted or _best(torch)
    for module in (common, _module(f"{LIBRARY}.compute")):
        start = getattr(module, "compute_init", None)
        if start is not None and inspect.signature(start).parameters:
            return start(kind)[-1]
    return torch.device(kind)


def _best(torch: Any) -> str:
    if torch.cuda.is_available():
        return "cuda"
    backends = getattr(torch.backends, "mps", None)
    return "mps" if backends is not None and backends.is_available() else "cpu"


def _module(name: str) -> Any:
    with contextlib.suppress(ImportError):
        return importlib.import_module(name)
    return None
