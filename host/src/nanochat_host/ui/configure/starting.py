"""What one screen hands to another. Imported before the first paint: nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanochat_host.core.wire_checkpoints import FormFill
    from nanochat_host.core.wire_config import TargetWish


@dataclass
class Starting:
    """checkout: put the cursor there. fill: a run that goes on from a checkpoint, with the checkout
    it is in. active: what stands in the form now, which checkpoints are compared with. chat: the
    checkout and the checkpoint to talk to, for the chat screen."""

    checkout: str = ""
    fill: tuple[str, FormFill] | None = None
    active: TargetWish | None = None
    chat: tuple[str, str] | None = None
