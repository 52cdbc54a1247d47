"""A byte-level BPE tokenizer in plain Python: any text goes in and comes back unchanged."""

from __future__ import annotations

import hashlib
import logging
import pickle
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanochat.bpe import Pair, replace_pair, train_merges
from nanochat.common import die, get_base_dir

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

SPECIAL_TOKENS = (
    "<|bos|>",  # begins every document
    "<|user_start|>",  # the others mark the turns of a conversation
    "<|user_end|>",
    "<|assistant_start|>",
    "<|assistant_end|>",
)

# Merges never cross these borders. A space belongs to the word after it; the line break and the
# indentation before a statement stay together, which is what source code is full of.
SPLIT_PATTERN = re.compile(r" ?[^\W\d_]+|\d{1,2}| ?[^\s\w]+|_+|\s+(?!\S)|\s+")
CACHE_LIMIT = 1 << 18


class Tokenizer:
    """Tokens 0..255 are the bytes, then one token for each merge, then the special tokens."""

    def __init__(self, merges: Sequence[Pair], trained_on: str = "") -> None:
        self.merges = [tuple(pair) for pair in merges]
        self.trained_on = trained_on
        self._merged = {pair: 256 + i for i, pair in enumerate(self.merges)}
        self._bytes = [bytes([value]) for value in range(256)]
        for left, right in self.merges:
            self._bytes.append(self._bytes[left] + self._bytes[right])
        self._special = {text: len(self._bytes) + i for i, text in enumerate(SPECIAL_TOKENS)}
        self._bytes += [text.encode() for text in SPECIAL_TOKENS]
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def train_from_iterator(cls, texts: Iterable[str], vocab_size: int) -> Tokenizer:
        """Learn merges from `texts` until there are `vocab_size` tokens, specials included."""
        num_merges = vocab_size - 256 - len(SPECIAL_TOKENS)
        if num_merges < 0:
            die(f"--vocab-size={vocab_size}: at least {256 + len(SPECIAL_TOKENS)} are needed")
        chunks: Counter[str] = Counter()
        documents = 0
        for documents, text in enumerate(texts, 1):  # noqa: B007 (read after the loop)
            chunks.update(SPLIT_PATTERN.findall(text))
        logger.info(f"Processed {documents} documents, {len(chunks)} unique chunks")
        logger.info(f"Starting BPE training: {num_merges} merges to compute")

        def report(index: int, pair: Pair, frequency: int) -> None:
            done = index + 1
            if 10 * done // num_merges > 10 * index // num_merges:
                logger.info(
                    f"Progress: {100 * done // num_merges}% ({done}/{num_merges} merges) - "
                    f"Last merge: {pair} -> {256 + index} (frequency: {frequency})"
                )

        return cls(train_merges(chunks, num_merges, report))

    @classmethod
    def from_directory(cls, folder: Path) -> Tokenizer:
        """Load what `save` wrote. Leaves with a hint when it is missing or damaged."""
        path = folder / "tokenizer.pkl"
        try:
            state = pickle.loads(path.read_bytes())
            return cls(state["merges"], state["trained_on"])
        except FileNotFoundError:
            die(f"no tokenizer at {path}: run `python -m scripts.tok_train` first")
        except Exception as error:  # unpickling damaged bytes can raise nearly anything
            die(f"{path} is not our tokenizer ({error!r}): run `python -m scripts.tok_train` again")

    def save(self, folder: Path) -> None:
        """Write `tokenizer.pkl`, a pickled dict of plain lists and strings."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "tokenizer.pkl"
        unfinished = path.with_suffix(".tmp")
        state = {"merges": self.merges, "trained_on": self.trained_on}
        unfinished.write_bytes(pickle.dumps(state, protocol=4))
        unfinished.replace(path)
        print(f"Saved tokenizer encoding to {path}", flush=True)

    def digest(self) -> str:
        """Names the vocabulary: a model only understands tokens with the digest it learned."""
        return hashlib.sha256(repr(self.merges).encode()).hexdigest()

    def get_vocab_size(self) -> int:
        return len(self._bytes)

    def get_special_tokens(self) -> set[str]:
        return set(self._special)

    def encode_special(self, text: str) -> int:
        return self._special[text]

    def get_bos_token_id(self) -> int:
        return self._special["<|bos|>"]

    def encode(self, text: str, prepend: int | str | None = None) -> list[int]:
        """Token ids of `text`, after the token `prepend` (an id or a special token) if given.

        Special tokens written out in `text` stay plain text.
        """
        ids: list[int] = []
        if prepend is not None:
            ids.append(self._special[prepend] if isinstance(prepend, str) else prepend)
        for chunk in SPLIT_PATTERN.findall(text):
            ids += self._cache.get(chunk) or self._encode_chunk(chunk)
        return ids

    __call__ = encode

    def _encode_chunk(self, chunk: str) -> list[int]:
        ids = list(chunk.encode("utf-8", errors="replace"))
        while len(ids) > 1:
            # The merge learned first is applied first, as it was in training.
            new_id, pair = min((self._merged.get(pair, 1 << 60), pair) for pair in pairwise(ids))
            if pair not in self._merged:
                break
            ids = replace_pair(ids, pair, new_id)
        if len(self._cache) >= CACHE_LIMIT:
            self._cache.clear()
        self._cache[chunk] = ids
        return ids

    def decode_single_token_bytes(self, token: int) -> bytes:
        return self._bytes[token]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`; bytes that are not UTF-8 become the replacement character."""
        return b"".join(self._bytes[i] for i in ids).decode("utf-8", errors="replace")

    def render_conversation(
        self, conversation: dict[str, Any], max_tokens: int = 2048
    ) -> tuple[list[int], list[int]]:
        """(ids, mask) of {"messages": [{"role", "content"}, ...]}; mask 1: to be learned.

        Only what the assistant says, and that it stops, is learned.
        """
        ids, mask = [self.get_bos_token_id()], [0]
        for message in conversation["messages"]:
            role, learn = message["role"], int(message["role"] == "assistant")
            content = self.encode(message["content"])
            ids += [self._special[f"<|{role}_start|>"], *content, self._special[f"<|{role}_end|>"]]
            mask += [0, *[learn] * len(content), learn]
        return ids[:max_tokens], mask[:max_tokens]


def tokenizer_dir() -> Path:
    return get_base_dir() / "tokenizer"


def get_tokenizer() -> Tokenizer:
    """The tokenizer of this base folder."""
    return Tokenizer.from_directory(tokenizer_dir())


def get_token_bytes(device: torch.device | str = "cpu") -> torch.Tensor:
    """int32 (vocab_size,): length in bytes of each token, 0 for special tokens."""
    from nanochat.torch_setup import torch

    path = tokenizer_dir() / "token_bytes.pt"
    try:
        table: torch.Tensor = torch.load(path, map_location=device)
        return table
    except Exception as error:  # missing, truncated, not a tensor: the way out is the same
        die(f"cannot load {path} ({error!r}): run `python -m scripts.tok_train` again")
