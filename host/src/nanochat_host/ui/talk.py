"""A conversation as the chat screen shows it: what was said, by whom, how fast. No widgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nanochat_host.core.wire_chat import Chat, ChatEvent, ChatInfo, ChatPart, ChatSettings
from nanochat_host.errors import UsageError
from nanochat_host.packs.sanitize import clean, clean_lines

Line = tuple[str, str]
"""Text and style of a paragraph."""
_TOOL_MARKS = {"tool": ("⟨", "⟩"), "output": ("⟨= ", "⟩")}


@dataclass
class Answer:
    """One side's answer. note: figures, or what went wrong."""

    parts: list[ChatPart] = field(default_factory=list)
    note: str = ""
    failed: bool = False

    @property
    def text(self) -> str:
        said = ""
        for part in self.parts:
            left, right = _TOOL_MARKS.get(part.kind, ("", ""))
            said += f"{left}{part.text}{right}"
        return said


@dataclass
class Talk:
    """info: the chat at the core, None before there is one. answering: an answer is under way."""

    info: ChatInfo | None = None
    settings: ChatSettings = field(default_factory=ChatSettings)
    turns: list[tuple[str, list[Answer]]] = field(default_factory=list)
    answering: bool = False
    device: str = ""

    @property
    def sides(self) -> int:
        return len(self.info.checkpoints) if self.info else 1

    def open(self, chat: Chat) -> None:
        """Show a transcript; the next prompt goes on with it."""
        self.info, self.answering = chat.info, False
        self.turns = []
        for turn in chat.turns:
            answers = [
                Answer(list(a.parts), a.error or figures(a.tokens, a.ttft_s, a.tok_per_s, a.reason))
                for a in turn.answers
            ]
            self.turns.append((turn.prompt, answers))

    def ask(self, prompt: str) -> None:
        """The person's turn."""
        self.turns.append((prompt, [Answer(note="…") for _ in range(self.sides)]))
        self.answering = True

    def take(self, event: ChatEvent) -> None:
        """What a model says, as it comes."""
        if event.event == "done":
            self.answering = False
            return
        answer = self.turns[-1][1][event.side]
        if event.event == "loading":
            answer.note = "loading the model …"
        elif event.event == "begin":
            answer.note, self.device = "…", event.device
        elif event.event == "piece":
            _grow(answer.parts, event)
            answer.note = figures(event.tokens, event.ttft_s, 0.0, "")
        elif event.event == "end":
            answer.note = figures(event.tokens, event.ttft_s, event.tok_per_s, event.reason)
        else:
            hint = f": {clean(event.hint)}" if event.hint else ""
            answer.note, answer.failed = f"{clean(event.text)}{hint}", True

    def fail(self, message: str) -> None:
        """The answers will not come."""
        self.answering = False
        for answer in self.turns[-1][1] if self.turns else []:
            answer.note, answer.failed = message, True

    def lines(self, side: int) -> Iterator[Line]:
        """One side's conversation, oldest first."""
        for prompt, answers in self.turns:
            yield from ((f"> {line}", "bold") for line in clean_lines(prompt).split("\n"))
            answer = answers[side] if side < len(answers) else Answer()
            if answer.parts:
                yield from ((line, "") for line in clean_lines(answer.text).split("\n"))
            if answer.note:
                yield answer.note, "error" if answer.failed else "muted"
            yield "", ""


def figures(tokens: int, ttft_s: float, tok_per_s: float, reason: str) -> str:
    """How fast it was, for people."""
    words = [f"{tokens} tokens", f"first {1000 * ttft_s:.0f} ms"]
    words += [f"{tok_per_s:.1f} tok/s"] if tok_per_s else []
    words += [reason] if reason not in ("", "end") else []
    return " · ".join(words)


def settings_line(settings: ChatSettings) -> str:
    """As a person edits them."""
    return (
        f"temperature={settings.temperature:g} top_k={settings.top_k}"
        f" max_tokens={settings.max_tokens} seed={settings.seed}"
    )


def read_settings(text: str) -> ChatSettings:
    """The same, read back. Raises UsageError."""
    import msgspec

    pairs = dict(word.partition("=")[::2] for word in text.split())
    try:
        return msgspec.convert(pairs, ChatSettings, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(str(error), "for example: temperature=0.6 top_k=50") from None


def _grow(parts: list[ChatPart], event: ChatEvent) -> None:
    if parts and parts[-1].kind == event.kind:
        parts[-1].text += event.text
    else:
        parts.append(ChatPart(event.kind, event.text))
