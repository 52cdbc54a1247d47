"""What the core's routes about chats send and take. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

ChatMode = Literal["chat", "continue"]
PieceKind = Literal["text", "tool", "output"]
MAX_PROMPT_CHARS = 200_000


class NewChat(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/chats. checkpoints: one, or two to compare; ids or parts of them. mode: "" is
    "continue" for a base model and "chat" for others. device: "" is the best there is."""

    checkout: str
    checkpoints: Annotated[list[str], Meta(min_length=1, max_length=2)]
    mode: Literal["", "chat", "continue"] = ""
    device: Literal["", "cpu", "cuda", "mps"] = ""


class ChatSettings(msgspec.Struct, forbid_unknown_fields=True):
    """How a model is made to speak. temperature 0 takes the likeliest token; top_k 0 all."""

    temperature: Annotated[float, Meta(ge=0, le=10)] = 0.6
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] = 50
    max_tokens: Annotated[int, Meta(ge=1, le=100_000)] = 256
    seed: Annotated[int, Meta(ge=0, le=2**62)] = 42


class Say(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/chats/{id}/say: the person's turn; answered by server-sent ChatEvents."""

    prompt: Annotated[str, Meta(min_length=1, max_length=MAX_PROMPT_CHARS)]
    settings: ChatSettings = msgspec.field(default_factory=ChatSettings)


class ChatPart(msgspec.Struct):
    """kind: "tool" is what the model asked its calculator, "output" what that said."""

    kind: PieceKind
    text: str


class ChatAnswer(msgspec.Struct):
    """What a model said. reason: "end" it had finished, "length", "stopped" or "error". ttft_s:
    from the request to its first token."""

    parts: list[ChatPart] = []
    reason: Literal["end", "length", "stopped", "error"] = "stopped"
    tokens: int = 0
    ttft_s: float = 0.0
    tok_per_s: float = 0.0
    error: str = ""

    @property
    def text(self) -> str:
        """Everything it said."""
        return "".join(part.text for part in self.parts)


class ChatTurn(msgspec.Struct):
    """A prompt and each side's answer."""

    prompt: str
    answers: list[ChatAnswer]
    settings: ChatSettings
    at: float = 0.0


class ChatInfo(msgspec.Struct):
    """One row of the list. title: how its first prompt begins. found: the line that a search
    met."""

    id: str
    checkout: str
    checkpoints: list[str]
    mode: ChatMode
    title: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    turns: int = 0
    found: str = ""


class Chat(msgspec.Struct):
    """GET /v1/chats/{id}, and a transcript's file. device: as asked for."""

    info: ChatInfo
    turns: list[ChatTurn] = []
    device: str = ""


class ChatEvent(msgspec.Struct):
    """side: index into the chat's checkpoints. event: "loading" (its driver is being warmed up),
    "begin", "piece", "end", "error"; "done" when all sides have ended."""

    event: Literal["loading", "begin", "piece", "end", "error", "done"]
    side: int = 0
    kind: PieceKind = "text"
    text: str = ""
    reason: str = ""
    hint: str = ""
    tokens: int = 0
    ttft_s: float = 0.0
    tok_per_s: float = 0.0
    device: str = ""


class DriverInfo(msgspec.Struct):
    """GET /v1/drivers. state: "starting", "warm", "speaking". idle_s: since it last spoke."""

    checkpoint: str
    checkout: str
    state: Literal["starting", "warm", "speaking"]
    pid: int = 0
    device: str = ""
    params: int = 0
    load_s: float = 0.0
    idle_s: float = 0.0


class Preset(msgspec.Struct, forbid_unknown_fields=True):
    """A prompt worth keeping."""

    title: Annotated[str, Meta(min_length=1, max_length=80)]
    prompt: Annotated[str, Meta(min_length=1, max_length=MAX_PROMPT_CHARS)]
    mode: ChatMode = "chat"


class SavePresets(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/prompts: all of them, in order; none brings the shipped ones back."""

    presets: Annotated[list[Preset], Meta(max_length=500)]
