"""The model: a decoder-only Transformer with rotary positions, RMS norm and grouped queries.

Shapes in comments: B rows, T tokens, C channels (n_embd), H heads, D channels of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nanochat.torch_setup import F, nn, torch

if TYPE_CHECKING:
    from nanochat.engine import KVCache

ROPE_BASE = 10_000.0
CONTEXT_FACTOR = 4
"""Positions are prepared for so many times the trained length, so that a chat may run longer."""


@dataclass
class GPTConfig:
    """What fixes the shapes of the parameters, and so which checkpoints fit."""

    sequence_len: int = 128
    vocab_size: int = 1024
    n_layer: int = 4
    n_head: int = 4
    n_kv_head: int = 2
    """Heads of keys and values; each serves n_head / n_kv_head heads of queries."""
    n_embd: int = 128


def norm(x: torch.Tensor) -> torch.Tensor:
    """Scale each vector to a root mean square of 1; nothing to learn in it."""
    return F.rms_norm(x, (x.size(-1),))


def rotary_table(positions: int, head_dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin (positions, D/2): how far each pair of channels turns at each position."""
    speeds = ROPE_BASE ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), speeds)
    return angles.cos(), angles.sin()


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turn channel pairs (i, i + D/2) of x (B, H, T, D) by the angles of their positions.

    The product of a turned query and a turned key then depends on their distance only.
    """
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class Attention(nn.Module):
    """Causal self-attention; several query heads share one head of keys and values."""

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.head_dim = config.n_embd // config.n_head
        self.query = nn.Linear(config.n_embd, config.n_head * self.head_dim, bias=False)
        self.key = nn.Linear(config.n_embd, config.n_kv_head * self.head_dim, bias=False)
        self.value = nn.Linear(config.n_embd, config.n_kv_head * self.head_dim, bias=False)
        self.project = nn.Linear(config.n_embd, config.n_embd, bias=False)

    def forward(
        self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, cache: KVCache | None
    ) -> torch.Tensor:
        B, T, C = x.shape
        q = self.query(x).view(B, T, -1, self.head_dim).transpose(1, 2)  # (B, H, T, D)
        k = self.key(x).view(B, T, -1, self.head_dim).transpose(1, 2)
        v = self.value(x).view(B, T, -1, self.head_dim).transpose(1, 2)
        # Normed queries and keys keep the scores in range, whatever the weights do.
        q, k = norm(rotate(q, cos, sin)), norm(rotate(k, cos, sin))
        if cache is None:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        else:
            k, v = cache.append(self.layer, k, v)
            # Query i is position (cached + i): it sees all that is cached and itself.
            sees = torch.ones(T, k.size(2), dtype=torch.bool, device=x.device)
            sees = sees.tril(diagonal=k.size(2) - T)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=sees, enable_gqa=True)
        out: torch.Tensor = self.project(y.transpose(1, 2).reshape(B, T, C))
        return out


class MLP(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.widen = nn.Linear(config.n_embd, 4 * config.n_embd, bias=False)
        self.project = nn.Linear(4 * config.n_embd, config.n_embd, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.project(F.relu(self.widen(x)).square())
        return out


class Block(nn.Module):
    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.attention = Attention(config, layer)
        self.mlp = MLP(config)

    def forward(
        self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, cache: KVCache | None
    ) -> torch.Tensor:
        x = x + self.attention(norm(x), cos, sin, cache)
        out: torch.Tensor = x + self.mlp(norm(x))
        return out


class GPT(nn.Module):
    """Tokens in, logits out; with targets, the loss in nats per token."""

    cos: torch.Tensor
    sin: torch.Tensor

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)  # not tied to wte
        self.max_positions = CONTEXT_FACTOR * config.sequence_len
        cos, sin = rotary_table(self.max_positions, config.n_embd // config.n_head)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.init_weights()

    @torch.no_grad()
    def init_weights(self) -> None:
        """Each block begins as the identity and all tokens begin equally likely."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
        nn.init.normal_(self.wte.weight)
        nn.init.zeros_(self.lm_head.weight)
        for name, weight in self.blocks.named_parameters():
            if name.endswith("project.weight"):
                nn.init.zeros_(weight)

    def get_device(self) -> torch.device:
        return self.wte.weight.device

    def forward(
        self,
        idx: torch.Tensor,
        targets: torch.Tensor | None = None,
        kv_cache: KVCache | None = None,
        loss_reduction: Literal["mean", "none"] = "mean",
    ) -> torch.Tensor:
        """Logits (B, T, vocab) for idx (B, T); with targets, the loss: mean, or (B * T,) each.

        Targets of -1 do not count. With `kv_cache`, idx continues what the cache holds.
        """
        begin = kv_cache.length if kv_cache else 0
        cos, sin = (table[begin : begin + idx.size(1)] for table in (self.cos, self.sin))
        x = norm(self.wte(idx))
        for block in self.blocks:
            x = block(x, cos, sin, kv_cache)
        if kv_cache:
            kv_cache.length += idx.size(1)
        logits: torch.Tensor = self.lm_head(norm(x))
        if targets is None:
            return logits
        return F.cross_entropy(
            logits.view(-1, logits.size(-1)),
            targets.reshape(-1),
            ignore_index=-1,
            reduction=loss_reduction,
        )

    def num_scaling_params(self) -> dict[str, int]:
        """Parameters by role."""
        counts = {
            "wte": self.wte.weight.numel(),
            "lm_head": self.lm_head.weight.numel(),
            "transformer_matrices": sum(p.numel() for p in self.blocks.parameters()),
        }
        return {**counts, "total": sum(counts.values())}

    def estimate_flops(self) -> int:
        """FLOPs per token, forward and backward: 6 a weight, and the attention's own products."""
        counts, config = self.num_scaling_params(), self.config
        attention = 12 * config.n_layer * config.n_embd * config.sequence_len
        return 6 * (counts["lm_head"] + counts["transformer_matrices"]) + attention

    def setup_optimizer(
        self, embedding_lr: float, unembedding_lr: float, matrix_lr: float, weight_decay: float
    ) -> torch.optim.Optimizer:
        """AdamW with a learning rate for each role; only the matrices decay.

        `initial_lr` of a group is what the schedule multiplies.
        """
        roles = [
            (self.wte.parameters(), embedding_lr, 0.0),
            (self.lm_head.parameters(), unembedding_lr, 0.0),
            (self.blocks.parameters(), matrix_lr, weight_decay),
        ]
        groups = [
            {"params": list(params), "lr": lr, "initial_lr": lr, "weight_decay": decay}
            for params, lr, decay in roles
        ]
        return torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-10, fused=True)
