"""Whether a script hands a file's weights on as they are, told from its source."""

from __future__ import annotations

from pathlib import Path

import pytest
from nanochat_host.checkout.weights.loader import loads_untouched

READ = "weights, optimizer_data, meta = load_checkpoint(folder, 3, device)\n"


@pytest.mark.parametrize(
    ("source", "untouched"),
    [
        (READ + "model.load_state_dict(weights, strict=True, assign=True)\ndel weights", True),
        (READ + "model.load_state_dict(weights)\noptimizer.load_state_dict(optimizer_data)", True),
        (READ.replace("load_c", "manager.load_c") + "model.load_state_dict(weights, True)", True),
        ("def load_model():\n    " + READ + "    model.load_state_dict(weights)", True),
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
    script.write_text(source)
    assert loads_untouched(script) is untouched


def test_a_script_that_is_gone_tells_nothing(tmp_path: Path) -> None:
    assert not loads_untouched(tmp_path / "gone.py")
