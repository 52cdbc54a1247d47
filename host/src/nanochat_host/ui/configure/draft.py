"""A run as a person puts it together: what to start, which prefab, what was changed. No widgets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nanochat_host.core.wire import StartRun
from nanochat_host.core.wire_checkpoints import FormFill
from nanochat_host.core.wire_config import TargetWish
from nanochat_host.ui.configure.targets import Target

NAME, NPROC, PREFAB, GPU = "$name", "$nproc", "$prefab", "$gpu"
"""Keys of the rows that are no options of a script."""
MAX_NPROC = 1024


@dataclass
class Draft:
    """edits: by the key of a row: an option's name, or `stage.name` in a pipeline; None leaves a
    prefab's value out. parent: the checkpoint that some of them come from. filled: which ones.
    nproc: None is the prefab's, else a pipeline's own, else 1."""

    prefab: str = ""
    edits: dict[str, Any] = field(default_factory=dict)
    parent: str = ""
    filled: frozenset[str] = frozenset()
    name: str = ""
    nproc: int | None = None


@dataclass
class Form:
    """target: what is about to start. gpu, gpus: the machine to plan for; "" is this one."""

    target: Target | None = None
    gpu: str = ""
    gpus: int = 1
    drafts: dict[str, Draft] = field(default_factory=dict)

    @property
    def draft(self) -> Draft:
        """The draft of the present target; each target keeps its own."""
        return self.drafts.setdefault(self.target.key, Draft()) if self.target else Draft()

    def key_of(self, stage: str, option: str) -> str:
        """The key of an option's row: in a pipeline each stage has its own."""
        return f"{stage}.{option}" if self.target and self.target.pipeline else option

    def put(self, key: str, value: Any) -> None:
        """Change an option; None leaves the prefab's value out."""
        self.draft.edits[key] = value
        self.draft.filled -= {key}

    def reset(self, key: str, source: str) -> bool:
        """One value back: to what lies below a change, and once more to below the prefab. source:
        where the value is from now. False if there is nothing to take back."""
        draft = self.draft
        if key == NAME and draft.name:
            draft.name = ""
        elif key == NPROC and draft.nproc is not None:
            draft.nproc = None
        elif key == PREFAB and draft.prefab:
            draft.prefab = ""
        elif key == GPU and self.gpu:
            self.gpu, self.gpus = "", 1
        elif key in draft.edits:
            del draft.edits[key]
            draft.filled -= {key}
        elif source.startswith("prefab:"):
            draft.edits[key] = None
        else:
            return False
        return True

    def put_own(self, key: str, text: str) -> str:
        """Change one of the rows that are no options. Returns what is wrong, or ""."""
        if key == NAME:
            self.draft.name = text.strip()[:120]
        elif key == NPROC:
            if not text.strip():
                self.draft.nproc = None
            elif not text.strip().isdecimal() or not 1 <= int(text) <= MAX_NPROC:
                return f"takes a whole number from 1 to {MAX_NPROC}"
            else:
                self.draft.nproc = int(text)
        return ""

    def fill(self, target: Target, filled: FormFill) -> None:
        """A draft that goes on from a checkpoint."""
        self.target = target
        edits = {self._key(target, name): value for name, value in filled.options.items()}
        self.drafts[target.key] = Draft(
            edits=edits, parent=filled.checkpoint, filled=frozenset(edits), nproc=filled.nproc
        )

    @staticmethod
    def _key(target: Target, name: str) -> str:
        return f"{target.stages[0]}.{name}" if target.pipeline else name

    def wish(self, pending: tuple[str, str] | None = None) -> TargetWish:
        """What to look at. pending: the key and text under way, which count already."""
        assert self.target is not None
        draft = self.draft
        edits = {**draft.edits, pending[0]: pending[1]} if pending else dict(draft.edits)
        nproc = self.gpus if self.gpu else draft.nproc
        return TargetWish(
            self.target.checkout, self.target.name, draft.prefab, edits, nproc, self.gpu
        )

    def here(self) -> TargetWish:
        """The same on this machine, where it is about to start."""
        return on_this_machine(self.wish(), self.draft.nproc)

    def baseline(self) -> TargetWish:
        """The same without what was changed, on the machine planned for."""
        wish = self.wish()
        wish.options = {}
        return wish

    def request(self) -> StartRun | None:
        """What to send to the core, which types the values by the script's own declarations."""
        if self.target is None:
            return None
        draft = self.draft
        return StartRun(
            checkout=self.target.checkout,
            target=self.target.name,
            options=dict(draft.edits),
            nproc=draft.nproc,
            name=draft.name,
            prefab=draft.prefab,
        )


def on_this_machine(wish: TargetWish, nproc: int | None) -> TargetWish:
    """The wish for this machine."""
    return TargetWish(wish.checkout, wish.target, wish.prefab, wish.options, nproc)
