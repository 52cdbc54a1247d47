"""The tokenizer of tiny_nanochat: lossless, repeatable, and the merges are the most frequent."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "tiny_nanochat"))
pytestmark = pytest.mark.torch
pytest.importorskip("torch")

from nanochat.bpe import replace_pair, train_merges  # noqa: E402
from nanochat.tokenizer import SPLIT_PATTERN, Tokenizer  # noqa: E402

sys.path.pop(0)

TEXTS = [
    "def add(self, other):\n    return self.value + other.value\n",
    "class Adder:\n    def __init__(self, value):\n        self.value = value\n",
    "# Größe: 12345 Äpfel für «dich» ☃\n\n\n    return None\n",
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train_from_iterator(TEXTS * 3, 320)


def counted_again_for_every_merge(chunks: dict[str, int], num_merges: int) -> list[tuple[int, int]]:
    """Byte pair encoding as it is defined, without any bookkeeping."""
    words = {text: list(text.encode()) for text in chunks}
    merges = []
    for index in range(num_merges):
        counts: Counter[tuple[int, int]] = Counter()
        for text, word in words.items():
            for pair in pairwise(word):
                counts[pair] += chunks[text]
        pair = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(pair)
        words = {text: replace_pair(word, pair, 256 + index) for text, word in words.items()}
    return merges


def test_merges_are_those_of_the_definition() -> None:
    chunks = Counter(chunk for text in TEXTS for chunk in SPLIT_PATTERN.findall(text * 3))
    assert train_merges(chunks, 40) == counted_again_for_every_merge(chunks, 40)


def test_merges_do_not_depend_on_the_order_of_the_text() -> None:
    forth, back = (dict.fromkeys(order, 3) for order in (TEXTS, TEXTS[::-1]))
    assert train_merges(forth, 60) == train_merges(back, 60)


def test_training_stops_when_no_pair_occurs_twice() -> None:
    assert train_merges({"abab": 1}, 10) == [(97, 98)]


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_text_comes_back_unchanged(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_encoding_compresses_what_it_learned(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode(TEXTS[0])) < len(TEXTS[0]) / 2


def test_special_tokens_in_text_stay_text(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("<|bos|>")
    assert tokenizer.get_bos_token_id() not in ids
    assert tokenizer.encode("x", prepend="<|bos|>")[0] == tokenizer.get_bos_token_id()


def test_only_what_the_assistant_says_is_learned(tokenizer: Tokenizer) -> None:
    messages = [{"role": "user", "content": "self?"}, {"role": "assistant", "content": "value"}]
    ids, mask = tokenizer.render_conversation({"messages": messages})
    learned = [token for token, learn in zip(ids, mask, strict=True) if learn]
    assert tokenizer.decode(learned) == "value<|assistant_end|>"
    assert tokenizer.decode(ids).startswith("<|bos|><|user_start|>self?<|user_end|>")


def test_saved_tokenizer_is_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    loaded = Tokenizer.from_directory(tmp_path)
    assert loaded.digest() == tokenizer.digest()
    assert loaded.encode(TEXTS[1]) == tokenizer.encode(TEXTS[1])


def test_damaged_tokenizer_names_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tokenizer.pkl").write_bytes(b"\x80\x04")
    with pytest.raises(SystemExit) as leaving:
        Tokenizer.from_directory(tmp_path)
    error = capsys.readouterr().err
    assert leaving.value.code == 1
    assert "tokenizer.pkl" in error
    assert "scripts.tok_train" in error
    assert error.count("\n") == 1
