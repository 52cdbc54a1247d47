"""Which category and which unit an option belongs to, told by its name: a fork's own options find
their place without anybody listing them."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from nanochat_host.core.wire_config import CategoryInfo, CategoryRule

CATEGORIES = (
    CategoryInfo("core", "Core", "the model, how long it trains, and on what"),
    CategoryInfo("optimisation", "Optimisation", "learning rates, their schedule, batch sizes"),
    CategoryInfo("data", "Data", "text, tokenizer and task mixture"),
    CategoryInfo("evaluation", "Evaluation", "how often to measure, sample and save"),
    CategoryInfo("telemetry", "Telemetry", "names, logs and trackers"),
    CategoryInfo("auth", "Auth", "accounts and tokens"),
    CategoryInfo("other", "Other", "what no rule knows"),
)

# The first rule that fits counts, so the narrow ones come first.
_RULES: tuple[tuple[str, str], ...] = (
    ("core", "target_* *param_data_ratio"),
    ("auth", "*api_key* *_token hf_token *password* *secret* *_auth auth_*"),
    ("evaluation", "eval_* *_eval *eval_every* core_metric* core_every sample_* save_* chatcore*"),
    ("evaluation", "*_every *_samples max_problems max_per_task split_tokens max_new_tokens"),
    ("evaluation", "num_samples temperature top_k top_p prompt *_interval eval"),
    (
        "telemetry",
        "run wandb* run_name log_* *_log verbose debug profile* otel* telemetry* *_report",
    ),
    (
        "data",
        "*_epochs *vocab* max_chars doc_cap *dataset* *data_* data *_data num_files num_shards",
    ),
    ("data", "*corpus* *token_bytes* num_workers *_jsonl identity_* *shard* *mixture*"),
    ("optimisation", "*_lr lr *_lr_* lr_* *weight_decay* *warmup* *warmdown* *beta* *momentum*"),
    ("optimisation", "*grad* *batch_size* dropout *_clip load_optimizer *_lr_frac optimizer*"),
    ("core", "depth aspect_ratio head_dim *seq_len* window_* n_* num_layers num_heads* *_dim"),
    ("core", "num_iterations num_epochs *ratio* device_type device fp8* dtype source"),
    ("core", "resume* model_tag model_step model_* *_tag *_step use_* ffn_* examples_per_step"),
)

# The unit goes by the last word of the name; what is a plain number has none.
_UNITS: tuple[tuple[str, str], ...] = (
    ("tokens", "total_batch_size eval_tokens split_tokens *_tokens *seq_len *context*"),
    ("rows", "device_batch_size batch_size"),
    ("steps", "num_iterations warmup_steps *_steps resume_from_step model_step *_step"),
    ("steps", "*_every *_interval"),
    ("layers", "depth n_layer num_layers"),
    ("channels", "head_dim n_embd model_dim *_dim"),
    ("FLOPs", "target_flops *_flops"),
    ("tokens per weight", "target_param_data_ratio param_data_ratio"),
    ("fraction", "warmup_ratio warmdown_ratio *_frac dropout *_momentum"),
    ("epochs", "*_epochs num_epochs"),
    ("characters", "max_chars doc_cap"),
    ("examples", "*max_per_task chatcore_max_* eval_examples *examples_per_step num_samples"),
    ("files", "num_files num_shards"),
    ("tokens", "vocab_size"),
    ("s", "*_s *_seconds *timeout*"),
)


class Placed(NamedTuple):
    """category: a CategoryInfo.id. unit: "" if the option has none."""

    category: str
    unit: str


def place(name: str, extra: Sequence[CategoryRule] = ()) -> Placed:
    """Category and unit of an option. extra: rules that packs declare; they come first."""
    for rule in extra:
        if any(fnmatchcase(name, pattern) for pattern in rule.options):
            return Placed(rule.id, unit_of(name))
    return Placed(_first(_RULES, name) or "other", unit_of(name))


def unit_of(name: str) -> str:
    """The unit an option of this name is in, "" if it has none or none is known."""
    return _first(_UNITS, name)


def categories(extra: Sequence[CategoryRule] = ()) -> list[CategoryInfo]:
    """All categories in the order they are shown: ours, packs' own before "other"."""
    known = {category.id for category in CATEGORIES}
    added = [CategoryInfo(r.id, r.title or r.id, r.help) for r in extra if r.id not in known]
    return [*CATEGORIES[:-1], *added, CATEGORIES[-1]]


def _first(rules: Sequence[tuple[str, str]], name: str) -> str:
    for answer, patterns in rules:
        if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
            return answer
    return ""
