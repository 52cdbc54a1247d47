"""What was said, one JSON file a chat, found again by its words. Methods block."""

from __future__ import annotations

import re
import secrets
import threading
import time
from pathlib import Path

import msgspec

from nanochat_host.core.wire_chat import Chat, ChatInfo, ChatPart, ChatTurn
from nanochat_host.errors import NanochatCliError, NotFoundError
from nanochat_host.paths import atomic_write

FOUND_CHARS = 120
TITLE_CHARS = 60
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[a-z0-9]{4}")


class Transcripts:
    """The folder of chats; files are read again only when they changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[Path, tuple[tuple[int, int], Chat]] = {}
        self._lock = threading.Lock()

    def new_id(self) -> str:
        """Readable and sortable."""
        return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"

    def save(self, chat: Chat) -> None:
        """Write it whole. Raises NanochatCliError."""
        chat.info.updated_at = time.time()
        chat.info.turns = len(chat.turns)
        if chat.turns and not chat.info.title:
            chat.info.title = " ".join(chat.turns[0].prompt.split())[:TITLE_CHARS]
        file = self._file(chat.info.id)
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            atomic_write(file, msgspec.json.format(msgspec.json.encode(chat)), 0o600)
        except OSError as error:
            raise NanochatCliError(
                f"cannot save the chat as {file}: {error.strerror}", "what was said is shown only"
            ) from None

    def load(self, chat_id: str) -> Chat:
        """Raises NotFoundError."""
        chat = self._read(self._file(chat_id)) if _ID.fullmatch(chat_id) else None
        if chat is None:
            raise NotFoundError(f"there is no chat `{chat_id}`", "`nanochat-cli chat --list`")
        return chat

    def delete(self, chat_id: str) -> ChatInfo:
        """Raises NotFoundError."""
        info = self.load(chat_id).info
        self._file(chat_id).unlink(missing_ok=True)
        return info

    def all(self, search: str, limit: int) -> list[ChatInfo]:
        """The last spoken in first; with `search`, those in which all its words are said."""
        words = search.lower().split()
        chats = [chat for file in self.folder.glob("*.json") if (chat := self._read(file))]
        found: list[ChatInfo] = []
        for chat in sorted(chats, key=lambda chat: chat.info.updated_at, reverse=True):
            text = chat_text(chat) if words else ""
            if len(found) < limit and all(word in text.lower() for word in words):
                line = _line(text, words[0]) if words else ""
                found.append(msgspec.structs.replace(chat.info, found=line))
        return found

    def _file(self, chat_id: str) -> Path:
        return self.folder / f"{chat_id}.json"

    def _read(self, file: Path) -> Chat | None:
        """None for what is no transcript: somebody else's file is left alone."""
        with self._lock:
            try:
                found = file.stat()
                stamp = (found.st_mtime_ns, found.st_ino)  # two may be saved within a clock's tick
                known = self._seen.get(file)
                if known is None or known[0] != stamp:
                    chat = msgspec.json.decode(file.read_bytes(), type=Chat)
                    known = self._seen[file] = (stamp, chat)
            except (OSError, msgspec.DecodeError, UnicodeDecodeError):
                self._seen.pop(file, None)
                return None
        chat = known[1]
        return Chat(msgspec.structs.replace(chat.info), list(chat.turns), chat.device)


def chat_text(chat: Chat) -> str:
    """Everything said in it, a line each, and by whom."""
    lines = [*chat.info.checkpoints]
    for turn in chat.turns:
        lines += [turn.prompt, *(answer.text for answer in turn.answers)]
    return "\n".join(lines)


def turns_of(chat: Chat, side: int) -> list[dict[str, object]]:
    """The conversation as one side knows it, for its driver."""
    turns: list[dict[str, object]] = []
    for turn in chat.turns:
        turns.append({"role": "user", "parts": [["text", turn.prompt]]})
        turns.append({"role": "assistant", "parts": _parts(turn, side)})
    return turns


def _parts(turn: ChatTurn, side: int) -> list[list[str]]:
    answer = turn.answers[side] if side < len(turn.answers) else None
    return [[part.kind, part.text] for part in answer.parts] if answer else []


def add_piece(parts: list[ChatPart], part: ChatPart) -> None:
    """Grow the last part, or begin one of another kind."""
    if parts and parts[-1].kind == part.kind:
        parts[-1].text += part.text
    else:
        parts.append(part)


def _line(text: str, word: str) -> str:
    at = text.lower().find(word)
    begin = max(at - FOUND_CHARS // 3, 0)
    return " ".join(text[begin : begin + FOUND_CHARS].split())
