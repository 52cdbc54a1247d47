"""The model of tiny_nanochat against plain definitions, and its data loader against itself."""

from __future__ import annotations

import math
import sys
from itertools import islice
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tiny_nanochat"))
pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from nanochat import dataloader, dataset  # noqa: E402
from nanochat.engine import Engine, KVCache  # noqa: E402
from nanochat.gpt import GPT, Attention, GPTConfig, norm, rotary_table, rotate  # noqa: E402
from nanochat.loss_eval import evaluate_bpb  # noqa: E402
from nanochat.tokenizer import Tokenizer  # noqa: E402

sys.path.pop(0)

CONFIG = GPTConfig(sequence_len=16, vocab_size=300, n_layer=2, n_head=4, n_kv_head=2, n_embd=32)
CPU = torch.device("cpu")


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(1)
    model = GPT(CONFIG)
    for parameter in model.parameters():  # zeros would hide mistakes
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def test_grouped_attention_is_attention_with_repeated_heads() -> None:
    torch.manual_seed(2)
    layer = Attention(CONFIG, 0)
    x = torch.randn(3, 7, 32)
    cos, sin = rotary_table(7, 8)
    expected = torch.zeros(3, 7, 32)
    for row in range(3):
        for head in range(4):
            shared = head // 2  # the head of keys and values that serves this head of queries
            q = x[row] @ layer.query.weight[8 * head : 8 * head + 8].T
            k = x[row] @ layer.key.weight[8 * shared : 8 * shared + 8].T
            v = x[row] @ layer.value.weight[8 * shared : 8 * shared + 8].T
            q, k = norm(rotate(q, cos, sin)), norm(rotate(k, cos, sin))
            for t in range(7):
                weights = torch.softmax(k[: t + 1] @ q[t] / math.sqrt(8), dim=0)
                expected[row, t, 8 * head : 8 * head + 8] = weights @ v[: t + 1]
    expected = expected @ layer.project.weight.T
    torch.testing.assert_close(layer(x, cos, sin, None), expected, rtol=1e-4, atol=1e-5)


def test_rotation_depends_on_distance_only() -> None:
    torch.manual_seed(3)
    q, k = torch.randn(8), torch.randn(8)
    cos, sin = rotary_table(12, 8)

    def score(i: int, j: int) -> float:
        return float(rotate(q, cos[i], sin[i]) @ rotate(k, cos[j], sin[j]))

    assert score(7, 2) == pytest.approx(score(11, 6), abs=1e-5)
    assert score(7, 2) != pytest.approx(score(7, 5), abs=1e-2)


def test_a_token_does_not_see_the_future(model: GPT) -> None:
    ids = torch.randint(0, 300, (1, 10))
    changed = ids.clone()
    changed[0, 6] = (changed[0, 6] + 1) % 300
    torch.testing.assert_close(model(ids)[:, :6], model(changed)[:, :6])
    assert not torch.allclose(model(ids)[:, 6], model(changed)[:, 6])


def test_cached_steps_equal_one_full_pass(model: GPT) -> None:
    ids = torch.randint(0, 300, (2, 12))
    cache = KVCache(model, 2, 12)
    steps = [model(ids[:, begin:end], kv_cache=cache) for begin, end in ((0, 5), (5, 8), (8, 9))]
    steps += [model(ids[:, t : t + 1], kv_cache=cache) for t in range(9, 12)]
    torch.testing.assert_close(torch.cat(steps, dim=1), model(ids), rtol=1e-4, atol=1e-5)


def test_generation_is_greedy_decoding_and_streams(model: GPT) -> None:
    tokenizer = Tokenizer([(i, i + 1) for i in range(97, 97 + 39)])
    assert tokenizer.get_vocab_size() == 300
    prompt = tokenizer.encode("def", prepend="<|bos|>")
    expected = list(prompt)
    for _ in range(8):
        expected.append(int(model(torch.tensor([expected]))[0, -1].argmax()))
    engine = Engine(model, tokenizer)
    engine.ends = set()
    stream = engine.generate(prompt, max_tokens=8, temperature=0)
    assert [column[0] for column, _ in stream] == expected[len(prompt) :]
    results, masks = engine.generate_batch(prompt, num_samples=2, max_tokens=8, temperature=0)
    assert results == [expected, expected]
    assert masks == [[0] * len(prompt) + [1] * 8] * 2
    engine.ends = {expected[len(prompt) + 3]}
    assert engine.generate_batch(prompt, max_tokens=8, temperature=0)[0][0] == expected[:-5]


def test_a_prompt_longer_than_the_model_knows_still_generates(model: GPT) -> None:
    tokenizer = Tokenizer([(i, i + 1) for i in range(97, 97 + 39)])
    engine = Engine(model, tokenizer)
    engine.ends = set()
    said = list(engine.generate([5] * 10_000, temperature=0))
    assert len(said) == model.max_positions // 2


def test_bits_per_byte_of_a_model_that_knows_nothing() -> None:
    model = GPT(CONFIG)  # its head starts at zero: every token is as likely
    y = torch.randint(1, 300, (4, 16))
    y[:, ::4] = 0  # token 0 has no bytes here and must not count
    y[0] = -1
    token_bytes = torch.full((300,), 2, dtype=torch.int32)
    token_bytes[0] = 0
    batches = iter([(torch.randint(0, 300, (4, 16)), y)] * 2)
    assert evaluate_bpb(model, batches, 2, token_bytes) == pytest.approx(math.log2(300) / 2)


@pytest.fixture
def tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tokenizer:
    """A tokenizer, beside shards with enough text for several pages."""
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    folder = dataset.data_dir()
    folder.mkdir()
    for index in range(3):
        lines = (f'{{"text": "{index} {"ab" * n} {n}"}}\n' for n in range(100))
        (folder / f"shard_{index:05d}.jsonl").write_text("".join(lines))
    return Tokenizer([])


def test_ranks_together_see_what_one_rank_sees(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def batches(rank: int, world_size: int, count: int) -> list[dataloader.Batch]:
        info = (world_size > 1, rank, rank, world_size)
        monkeypatch.setattr(dataloader, "get_dist_info", lambda: info)
        return list(
            islice(dataloader.data_loader_with_state(tokenizer, 3, 16, "train", CPU), count)
        )

    alone = batches(0, 1, 80)
    first, second = batches(0, 2, 40), batches(1, 2, 40)
    for index, (x, y, _) in enumerate(alone):
        mine = (first, second)[index % 2][index // 2]
        assert torch.equal(x, mine[0])
        assert torch.equal(y, mine[1])
        assert torch.equal(x[:, 1:], y[:, :-1])
    assert [state for *_, state in alone[::2]] == [state for *_, state in first]


def test_a_position_brings_its_batch_back(tokenizer: Tokenizer) -> None:
    def loader(state: dict[str, int] | None = None) -> list[dataloader.Batch]:
        rows = dataloader.data_loader_with_state(tokenizer, 5, 16, "train", CPU, state)
        return list(islice(rows, 320))

    run = loader()
    assert run[-1][2]["epoch"] > 1
    for at in (0, 1, 26, 100, 300):
        for straight, resumed in zip(run[at:], loader(run[at][2]), strict=False):
            assert torch.equal(straight[0], resumed[0])
            assert straight[2] == resumed[2]


def test_a_page_deals_every_row_once(tokenizer: Tokenizer) -> None:
    rows = dataloader.row_stream(tokenizer, 16, "train", dataloader.Position())
    page = [row for _, row in islice(rows, dataloader.PAGE_ROWS)]
    stream = dataloader.document_stream(tokenizer, "train", dataloader.Position())
    text = [token for _, tokens in islice(stream, 60) for token in tokens]
    assert sorted(page) == sorted(
        text[begin : begin + 17] for begin in range(0, 16 * dataloader.PAGE_ROWS, 16)
    )
