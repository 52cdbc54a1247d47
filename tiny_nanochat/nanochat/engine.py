"""Generate text: the prompt once, then one token at a time against cached keys and values."""

from __future__ import annotations

from collections.abc import Iterator

from nanochat.gpt import GPT
from nanochat.tokenizer import Tokenizer
from nanochat.torch_setup import torch


class KVCache:
    """Keys and values of every position seen so far, for each layer (B, H_kv, positions, D)."""

    def __init__(self, model: GPT, batch_size: int, positions: int) -> None:
        config = model.config
        head_dim = config.n_embd // config.n_head
        shape = (config.n_layer, batch_size, config.n_kv_head, positions, head_dim)
        self.keys = torch.empty(shape, device=model.get_device())
        self.values = torch.empty(shape, device=model.get_device())
        self.length = 0
        """Positions filled; the model adds to it once all layers have appended."""

    def append(
        self, layer: int, k: torch.Tensor, v: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store the new k, v (B, H_kv, T, D) of a layer and return all of that layer's."""
        end = self.length + k.size(2)
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


def sample_next_token(
    logits: torch.Tensor, rng: torch.Generator, temperature: float, top_k: int | None
) -> torch.Tensor:
    """One token id (B, 1) for each row of logits (B, vocab); temperature 0 takes the likeliest."""
    if temperature == 0:
        return logits.argmax(dim=-1, keepdim=True)
    if top_k:
        kth = logits.topk(min(top_k, logits.size(-1))).values[:, -1:]
        logits = logits.masked_fill(logits < kth, float("-inf"))
    return torch.multinomial((logits / temperature).softmax(dim=-1), 1, generator=rng)


class Engine:
    """Continues token sequences with `model`; `tokenizer` knows which tokens end a text."""

    def __init__(self, model: GPT, tokenizer: Tokenizer) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.ends = {tokenizer.get_bos_token_id(), tokenizer.encode_special("<|assistant_end|>")}

    @torch.inference_mode()
    def generate(
        self,
        tokens: list[int],
        num_samples: int = 1,
        max_tokens: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int = 42,
    ) -> Iterator[tuple[list[int], list[int]]]:
        """Yield (one new token for each sample, 1 for each: it was sampled) as they come.

        Stops after `max_tokens`, when every sample has ended, or when the positions the model
        knows are used up. A prompt that leaves no room is cut at its beginning.
        """
        room = self.model.max_positions
        prompt = tokens[-(room // 2) :]
        limit = room - len(prompt)
        limit = limit if max_tokens is None else min(limit, max_tokens)
        device = self.model.get_device()
        rng = torch.Generator(device=device).manual_seed(seed)
        cache = KVCache(self.model, num_samples, len(prompt) + limit)
        ids = torch.tensor([prompt] * num_samples, device=device)
        ended = [False] * num_samples
        for _ in range(limit):
            logits = self.model(ids, kv_cache=cache)[:, -1]
            ids = sample_next_token(logits, rng, temperature, top_k)
            column = [int(token) for token in ids[:, 0]]
            ended = [done or token in self.ends for done, token in zip(ended, column, strict=True)]
            yield column, [1] * num_samples
            if all(ended):
                return

    def generate_batch(
        self,
        tokens: list[int],
        num_samples: int = 1,
        max_tokens: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int = 42,
    ) -> tuple[list[list[int]], list[list[int]]]:
        """(sequences with their prompt, masks: 1 for what was sampled), without ending tokens."""
        results = [list(tokens) for _ in range(num_samples)]
        ended = [False] * num_samples
        stream = self.generate(tokens, num_samples, max_tokens, temperature, top_k, seed)
        for column, _ in stream:
            for row, token in enumerate(column):
                ended[row] = ended[row] or token in self.ends
                if not ended[row]:
                    results[row].append(token)
        masks = [[0] * len(tokens) + [1] * (len(row) - len(tokens)) for row in results]
        return results, masks
