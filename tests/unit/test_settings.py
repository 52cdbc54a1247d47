"""settings.toml as a person writes it, mistakes included."""

from __future__ import annotations

from pathlib import Path

import pytest
from nanochat_host.doctor import ours
from nanochat_host.paths import Paths


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[otlp]\nhttp_port = 1\n[alerts]\nbell = true\n", []),
        ("[otlp]\nhtpp_port = 1\n", [(":2: `otlp.htpp_port` is no setting", "`http_port`?")]),
        ("# mine\n[alert]\nspike = 3\n", [(":2: `alert` is no setting", "`alerts`?")]),
        ("[colours]\n", [(":1: `colours` is no setting", "otlp, alerts")]),
        ("[alerts]\nspike = 'x'\n", [("`alerts` Expected `float`", "mend")]),
        ("[otlp]\nx = 1\n[alerts]\ny = 1\n", [(":2: `otlp.x`", ""), (":4: `alerts.y`", "")]),
        ("[alerts\n", [("Expected ']'", "mend")]),
    ],
)
def test_doctor_tells_every_mistake_of_the_settings(
    text: str, found: list[tuple[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "settings.toml").write_text(text)
    checks = list(ours.settings(Paths(tmp_path)))
    assert [c.state for c in checks] == (["warn"] * len(found) or ["ok"])
    for check, (message, fix) in zip(checks, found, strict=False):
        assert message in check.detail and fix in check.fix
