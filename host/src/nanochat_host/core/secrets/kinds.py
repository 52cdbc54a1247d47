"""The accounts we know, and what a token may look like."""

from __future__ import annotations

import re
from typing import NamedTuple

from nanochat_host.errors import NotFoundError, UsageError


class Kind(NamedTuple):
    """An account. env: the variable its own tools read. aliases: older names of that variable.
    page: where a person gets a token."""

    name: str
    env: str
    title: str
    page: str
    aliases: tuple[str, ...] = ()


KINDS = {
    kind.name: kind
    for kind in (
        Kind("wandb", "WANDB_API_KEY", "Weights & Biases", "https://wandb.ai/authorize"),
        Kind(
            "hf",
            "HF_TOKEN",
            "Hugging Face",
            "https://huggingface.co/settings/tokens",
            ("HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN"),
        ),
    )
}
BY_ENV = {env: kind for kind in KINDS.values() for env in (kind.env, *kind.aliases)}
_TOKEN = re.compile(r"[\x21-\x7e]{8,512}")


class Hidden:
    """A secret that does not show itself in a traceback, a log line or a debugger's repr."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "<hidden>"

    def reveal(self) -> str:
        """The value, for the one place that hands it on."""
        return self._value


def kind_of(name: str) -> Kind:
    """The account of that name. Raises NotFoundError."""
    if name not in KINDS:
        raise NotFoundError(f"there is no account `{name}`", f"there are: {', '.join(KINDS)}")
    return KINDS[name]


def checked(kind: Kind, value: str) -> Hidden:
    """A token as given, without the blanks around it. Raises UsageError; the message never holds
    the value."""
    value = value.strip()
    if not _TOKEN.fullmatch(value):
        raise UsageError(
            f"that is no token for {kind.title}: one word of 8 to 512 characters is expected, "
            f"not {len(value)} characters",
            f"copy it from {kind.page}",
        )
    return Hidden(value)
