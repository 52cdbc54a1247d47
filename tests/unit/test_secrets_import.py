"""Tokens in files that people have: parsed, never run."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from nanochat_host import scrub
from nanochat_host.core.secrets import handover, parse
from nanochat_host.errors import UsageError

WANDB = "0123456789abcdef0123456789abcdef01234567"
HF = "hf_AbCdEfGhIjKlMnOpQrStUv"


def found(path: Path) -> dict[str, str]:
    return {f.kind.name: f.token.reveal() for f in parse.tokens_in_file(path)}


def test_mc_env(tmp_path: Path) -> None:
    path = tmp_path / ".mc_env"
    path.write_text(
        f"# keys\nexport WANDB_API_KEY='{WANDB}'\n  HF_TOKEN=\"{HF}\"  # mine\n"
        "NANOCHAT_BASE_DIR=/data\n"
    )
    assert found(path) == {"wandb": WANDB, "hf": HF}


def test_nothing_in_the_file_is_run(tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    path = tmp_path / ".mc_env"
    path.write_text(
        f"touch {proof}\nexport WANDB_API_KEY=$(touch {proof}; echo 0123456789)\n"
        f'HF_TOKEN=`touch {proof}`\nHF_TOKEN="$(touch {proof})12345678"\n'
        f"WANDB_API_KEY=x{{a,b}}; touch {proof}\n"
    )
    assert found(path) == {}
    assert not proof.exists()


def test_the_last_assignment_counts_and_placeholders_do_not(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(f"HF_TOKEN=...\nWANDB_API_KEY=older-older-older\nWANDB_API_KEY={WANDB}\n")
    assert found(path) == {"wandb": WANDB}


def test_netrc(tmp_path: Path) -> None:
    path = tmp_path / ".netrc"
    path.write_text(
        f"machine example.org login me password nothing-of-ours\n"
        f"machine api.wandb.ai\n  login user\n  password {WANDB}\n"
        f"default login x password y\n"
    )
    assert found(path) == {"wandb": WANDB}


def test_an_older_name_of_a_variable_yields_to_the_newer() -> None:
    given = {"HF_TOKEN": HF, "HUGGING_FACE_HUB_TOKEN": "older-older-older"}
    tokens = parse.tokens_in_environment(given)
    assert [(t.kind.name, t.token.reveal()) for t in tokens] == [("hf", HF)]


def test_a_tracked_file_is_warned_about(tmp_path: Path) -> None:
    path = tmp_path / ".mc_env"
    path.write_text(f"HF_TOKEN={HF}\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    path.chmod(0o644)
    assert "readable by other users" in parse.tokens_in_file(path)[0].warning
    subprocess.run(["git", "-C", str(tmp_path), "add", "-f", ".mc_env"], check=True)
    assert "git tracks" in parse.tokens_in_file(path)[0].warning


def test_what_is_no_file_of_tokens_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        parse.tokens_in_file(tmp_path / "none")
    big = tmp_path / ".env"
    big.write_bytes(b"x" * (parse.MAX_BYTES + 1))
    with pytest.raises(UsageError, match="larger"):
        parse.tokens_in_file(big)


def test_a_handover_keeps_secrets_out_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "_held", {})
    monkeypatch.setattr(scrub, "_registered", {})
    plain, secret = handover.split({"HOME": "/h", "WANDB_API_KEY": WANDB, "SSH_AUTH_SOCK": "/s"})
    assert plain == {"HOME": "/h", "SSH_AUTH_SOCK": "/s", handover.FLAG: "1"}
    monkeypatch.setenv(handover.FLAG, "1")
    handover.take(io.BytesIO(secret))
    assert handover.environment()["WANDB_API_KEY"] == WANDB
    assert WANDB not in scrub.scrub(f"a line with {WANDB} in it", {})


def test_without_a_handover_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(handover.FLAG, raising=False)
    handover.take(io.BytesIO(b"not read"))
