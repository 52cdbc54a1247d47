"""Results of evaluations that a log holds, each with the model it is of.

An evaluation says which checkpoint it loads before it prints results. A training script prints
results on its way and says what it saved: those belong to the next step saved after them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from nanochat_host.core.checkpoints.files import stage_of
from nanochat_host.core.results.measures import measure_of
from nanochat_host.core.telemetry.grammar import match, to_number
from nanochat_host.core.telemetry.loglevel import plain
from nanochat_host.core.wire_checkpoints import CardEntry

MAX_LOG_BYTES = 64 * 2**20
_TELLING = re.compile(
    rb"oading |Saved model|CORE|bpb|alidation |accuracy: |^  [\w-]+: |Pass@|pass@|_acc: |^step "
)
"""Lines that may say something, so that a long log costs little."""
_LOADING = re.compile(r".*Loading model from:? (?P<folder>\S+)(?: with step (?P<step>\d{1,15}))?")
_FOREIGN = re.compile(r".*Loading (?:huggingface )?model from: (?P<name>\S+)")
_MODEL_FILE = re.compile(r"model_(\d{1,15})\.pt$")


@dataclass(frozen=True)
class Model:
    """What results are of. step: -1 unknown."""

    stage: str
    tag: str
    step: int = -1


def results_in_log(path: Path, where: str) -> list[CardEntry]:
    """The newest result of each model and measure, in the order of the log. where: what to call the
    log. Raises OSError."""
    with path.open("rb") as file:
        return results_in_lines(file.read(MAX_LOG_BYTES).splitlines(), where, path.stat().st_mtime)


def results_in_lines(lines: Iterable[bytes], where: str, at: float) -> list[CardEntry]:
    """The same from lines. at: seconds since 1970."""
    reader = _Reader()
    for raw in lines:
        if _TELLING.search(raw):
            reader.feed(plain(raw))
    return [
        CardEntry(model.stage, model.tag, model.step, measure, value, "log", where, at)
        for (model, measure), value in reader.found.items()
    ]


class _Reader:
    """found: by model and measure."""

    def __init__(self) -> None:
        self.found: dict[tuple[Model, str], float] = {}
        self._loaded: Model | None = None
        self._training = False
        self._pending: dict[str, float] = {}

    def feed(self, text: str) -> None:
        if loading := _LOADING.match(text):
            self._load(loading["folder"], loading["step"])
        elif foreign := _FOREIGN.match(text):
            self._begin(Model("hf", foreign["name"]))
        elif found := match(text):
            name, line = found
            groups = {k: v for k, v in line.groupdict().items() if v is not None}
            if name == "saved":
                self._save(PurePath(groups["path"]))
            elif name in ("train", "sft_old", "rl_step"):
                self._training = True
            else:
                self._take(name, groups)

    def _begin(self, model: Model) -> None:
        self._loaded, self._training, self._pending = model, False, {}

    def _load(self, folder: str, step: str | None) -> None:
        path = PurePath(folder)
        stage = _stage(path.parent.name)
        if stage:
            self._begin(Model(stage, path.name, int(step) if step else -1))

    def _save(self, path: PurePath) -> None:
        step = _MODEL_FILE.search(path.name)
        stage = _stage(path.parent.parent.name)
        if step is None or not stage:
            return
        model = Model(stage, path.parent.name, int(step[1]))
        for measure, value in self._pending.items():
            self.found[model, measure] = value
        self._pending = {}

    def _take(self, name: str, g: dict[str, str]) -> None:
        on_the_way = "step" in g and name != "evaluated"
        if name == "chatcore":
            self._put("ChatCORE", g["value"], on_the_way)
            self._put("ChatCORE_cat", g["cat"], on_the_way)
        elif name in ("core", "core_final"):
            self._put("CORE", g["value"], on_the_way)
        elif name == "chatcore_final":
            self._put("ChatCORE", g["value"], False)
        elif name in ("val_bpb", "val_loss"):
            self._put(name.replace("_", " "), g["value"], True)
        elif name == "split_bpb":
            self._put(f"{g['split']} bpb", g["value"], False)
        elif name == "task":
            inline = "inline" in g
            self._put(g.get("inline") or g["task"], g["percent"], inline, 0.01)
        elif name == "named":
            for pair in g["pairs"].split(", "):
                key, _, value = pair.partition(": ")
                self._put(key, value, True)

    def _put(self, name: str, text: str, on_the_way: bool, scale: float = 1.0) -> None:
        measure, value = measure_of(name), to_number(text) * scale
        if not measure or value - value != 0.0:
            return
        if on_the_way or self._training:
            self._pending[measure] = value
        elif self._loaded is not None:
            self.found[self._loaded, measure] = value


def _stage(folder_name: str) -> str:
    return stage_of(folder_name) if folder_name.endswith("_checkpoints") else ""
