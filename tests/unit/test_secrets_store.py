"""Tokens at rest: who may read them, and what is said when something is wrong with them."""

from __future__ import annotations

import json
import os
import traceback
from pathlib import Path

import pytest
from nanochat_host.core.secrets.kinds import KINDS, Hidden, checked
from nanochat_host.core.secrets.needs import needs
from nanochat_host.core.secrets.store import SecretStore
from nanochat_host.core.wire import RunStep
from nanochat_host.errors import NanochatCliError, RefusedError, UsageError

TOKEN = "canary-token-0123456789"


class FakeKeyring:
    def __init__(self, *, works: bool = True) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.works = works

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, value: str) -> None:
        if not self.works:
            raise RuntimeError(f"locked, {value} not kept")
        self.kept[service, name] = value

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "secrets.json"


def test_a_token_comes_back_and_only_its_owner_can_read_it(path: Path) -> None:
    umask = os.umask(0)
    try:
        assert SecretStore(path).put("wandb", Hidden(TOKEN), "typed in") == "file"
    finally:
        os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o600
    found = SecretStore(path).get("wandb")
    assert found is not None and found.reveal() == TOKEN


def test_a_file_that_others_can_read_is_refused_with_the_way_out(path: Path) -> None:
    SecretStore(path).put("wandb", Hidden(TOKEN), "typed in")
    path.chmod(0o640)
    with pytest.raises(RefusedError, match=r"mode 0640.*chmod 600"):
        SecretStore(path).get("wandb")


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    (tmp_path / "other").write_text("{}")
    path.symlink_to(tmp_path / "other")
    with pytest.raises(RefusedError):
        SecretStore(path).entries()


def test_nonsense_in_the_file_is_not_quoted(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(f'{{"wandb": ["{TOKEN}"]}}')
    path.chmod(0o600)
    with pytest.raises(NanochatCliError) as caught:
        SecretStore(path).entries()
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


def test_a_keyring_keeps_the_value_and_the_file_does_not(path: Path) -> None:
    keyring = FakeKeyring()
    store = SecretStore(path, keyring)
    assert store.put("hf", Hidden(TOKEN), "typed in") == "keyring"
    assert TOKEN not in path.read_text()
    found = store.get("hf")
    assert found is not None and found.reveal() == TOKEN
    assert store.forget("hf") and not keyring.kept and not store.forget("hf")


def test_a_keyring_that_refuses_costs_nothing_but_itself(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SecretStore(path, FakeKeyring(works=False))
    assert store.put("hf", Hidden(TOKEN), "typed in") == "file"
    assert store.get("hf") is not None
    assert TOKEN not in caplog.text


def test_forgetting_leaves_the_other(path: Path) -> None:
    store = SecretStore(path)
    store.put("hf", Hidden(TOKEN), "a")
    store.put("wandb", Hidden(TOKEN), "b")
    assert store.forget("hf")
    assert set(json.loads(path.read_text())) == {"wandb"}


@pytest.mark.parametrize("value", ["", "short", "two words here", "x" * 513, "tok\x1b[31men-long"])
def test_what_cannot_be_a_token_is_refused_unquoted(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked(KINDS["wandb"], value)
    assert not value or value not in str(caught.value)


def test_hidden_does_not_show_itself() -> None:
    assert TOKEN not in repr(Hidden(TOKEN)) and TOKEN not in f"{Hidden(TOKEN)}"
    assert checked(KINDS["hf"], f"  {TOKEN}\n").reveal() == TOKEN


@pytest.mark.parametrize(
    ("module", "argv", "wanted"),
    [
        ("scripts.base_train", [], set()),
        ("scripts.base_train", ["--run=dummy"], set()),
        ("scripts.base_train", ["--run=d20"], {"wandb"}),
        ("scripts.base_train", ["--run", "d20"], {"wandb"}),
        ("nanochat.dataset", ["-n", "8"], {"hf"}),
        ("scripts.chat_sft", ["--run=d20"], {"wandb", "hf"}),
        ("scripts.base_eval", [], {"hf"}),
        ("scripts.tok_train", [], set()),
    ],
)
def test_who_needs_what(module: str, argv: list[str], wanted: set[str]) -> None:
    assert needs(RunStep("t", module, argv)) == wanted


def test_an_offline_run_needs_no_key() -> None:
    step = RunStep("t", "scripts.base_train", ["--run=x"], env={"WANDB_MODE": "offline"})
    assert needs(step) == set()
