"""Whether a script hands a file's weights on as they are, told from its source."""

from __future__ import annotations

from pathlib import Path

import pytest
from nanochat_host.checkout.weights.source import loads_untouched

MADE = "from nanochat.gpt import GPT, GPTConfig\nmodel = GPT(config).to(device)\n"
READ = "weights, optimizer_data, meta = load_checkpoint(folder, 3, device)\n"


@pytest.mark.parametrize(
    ("source", "untouched"),
    [
        (READ + "model.load_state_dict(weights, strict=True, assign=True)\ndel weights", True),
        (READ + "model.load_state_dict(weights)\noptimizer.load_state_dict(optimizer_data)", True),
        (READ.replace("load_c", "manager.load_c") + "model.load_state_dict(weights, True)", True),
        (
            "def load_model():\n    model = GPT(c)\n    "
            + READ
            + "    model.load_state_dict(weights)",
            True,
        ),
        (READ + "model.load_state_dict(weights, strict=False)", False),
        (READ + "model.load_state_dict(weights, strict=args.strict)", False),
        (READ + "migrate(weights)\nmodel.load_state_dict(weights)", False),
        (READ + "weights = migrate(weights)\nmodel.load_state_dict(weights)", False),
        (READ + "weights['smear'] = zeros\nmodel.load_state_dict(weights)", False),
        (READ + "optimizer.load_state_dict(optimizer_data)", False),
        ("model, tokenizer, meta = load_model('base')", False),
        (READ + "model.load_state_dict(weights", False),
    ],
)
def test_only_what_goes_straight_into_the_model_counts(
    tmp_path: Path, source: str, untouched: bool
) -> None:
    script = tmp_path / "script.py"
    script.write_text(MADE + source)
    assert loads_untouched(script) is untouched


BUILD = "def build(depth):\n    with meta:\n        made = GPT(config)\n    return made\n"
IMPORT = "from nanochat.gpt import GPT\n"


@pytest.mark.parametrize(
    ("source", "own"),
    [
        (IMPORT + "model = GPT(config)\nmodel.init_weights()\n", True),
        (IMPORT + BUILD + "model = build(3)\nmodel.to_empty(device=device)\n", True),
        ("from .gpt import GPT as Model\nmodel = Model(config)\n", True),
        ("from nanochat.gpt_wide import GPT\nmodel = GPT(config)\n", False),
        (IMPORT + "model = Wide(config) if args.wide else GPT(config)\n", False),
        (IMPORT + "if args.wide:\n    model = Wide(c)\nelse:\n    model = GPT(c)\n", False),
        (IMPORT + BUILD.replace("GPT", "Wide") + "model = build(3)\n", False),
        (
            IMPORT + BUILD.replace("return", "add_lora(made)\n    return") + "model = build(3)\n",
            False,
        ),
        (IMPORT + "model = GPT(config)\nadd_lora(model)\n", False),
        (IMPORT + "model = GPT(config)\nmodel = add_lora(model)\n", False),
        (IMPORT + "def build():\n    made = build()\n    return made\nmodel = build()\n", False),
        ("", False),
    ],
)
def test_only_the_librarys_own_model_counts(tmp_path: Path, source: str, own: bool) -> None:
    script = tmp_path / "script.py"
    script.write_text(source + READ + "model.load_state_dict(weights)\nadd_lora(model)")
    assert loads_untouched(script) is own


def test_a_script_that_is_gone_tells_nothing(tmp_path: Path) -> None:
    assert not loads_untouched(tmp_path / "gone.py")
