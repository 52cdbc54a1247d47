"""Which files a panel gets, at the moment it is started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nanochat_host.packs.asking import A_MINUTE, SILENCE_S, Asking
from nanochat_host.packs.files import readable_files, refusal


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home" / "me"
    (home / "data").mkdir(parents=True)
    (home / "data/rows.csv").write_text("1")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NANOCHAT_CLI_HOME", str(home / "state"))
    (home / "state").mkdir()
    return home


@pytest.mark.parametrize(
    "path",
    [
        ".ssh/id_ed25519", ".ssh", ".netrc", ".gnupg", ".aws/credentials", ".config/gcloud",
        ".cache/huggingface/token", ".config/wandb/settings", ".mc_env", ".bash_history",
        "state", "state/secrets.json", "",
    ],
)  # fmt: skip
def test_keys_tokens_and_what_is_ours_are_nobodys(home: Path, path: str) -> None:
    place = home / path
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.write_text("secret")
    assert refusal(str(place))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow", "/etc", "/proc/self/environ", "/proc", "/sys", "/dev/mem", "/dev/sda",
        "/run", "/home", "/", "/root", "/var/run/docker.sock", "/usr/bin",
    ],
)  # fmt: skip
def test_the_system_is_nobodys(home: Path, path: str) -> None:
    assert refusal(path)


def test_data_of_the_persons_own_may_be_read(home: Path) -> None:
    assert refusal(str(home / "data")) == ""
    assert refusal(str(home / "data/rows.csv")) == ""


def test_a_link_is_what_it_leads_to(home: Path) -> None:
    (home / ".ssh").mkdir()
    (home / "data/keys").symlink_to(home / ".ssh")
    (home / "rows").symlink_to(home / "data/rows.csv")
    files = readable_files([f"files:read:{home}/data/keys", f"files:read:{home}/rows", "store:kv"])
    assert files.found == ((f"{home}/rows", f"{home}/data/rows.csv"),)
    assert list(files.refused) == [f"files:read:{home}/data/keys"]


@pytest.mark.parametrize(
    "name", [".mc_env", ".env", "id_ed25519", "id_ecdsa", "token", ".netrc", "a/b/.git-credentials"]
)
def test_a_folder_that_holds_a_key_is_refused_and_says_which(home: Path, name: str) -> None:
    place = home / "data" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("secret")
    assert refusal(str(home / "data")) == f"it holds `{Path(name).name}`"


def test_a_file_that_a_variable_names_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "data/service.json").write_text("key")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(home / "data/service.json"))
    assert "GOOGLE_APPLICATION_CREDENTIALS" in refusal(str(home / "data/service.json"))
    assert "GOOGLE_APPLICATION_CREDENTIALS" in refusal(str(home / "data"))
    assert refusal(str(home / "data/rows.csv")) == ""


def test_what_is_missing_or_no_file_is_refused(home: Path) -> None:
    os.mkfifo(home / "data/pipe")
    assert refusal(str(home / "data/pipe")) == "it is neither a file nor a folder"
    assert refusal(str(home / "data/none")) == "no such file or directory"


def test_questions_to_the_person_are_one_at_a_time_and_few() -> None:
    now = [0.0]
    asking = Asking(clock=lambda: now[0])
    assert asking.begin()
    assert not asking.begin()
    asking.end(agreed=True)
    for _ in range(A_MINUTE - 1):
        assert asking.begin()
        asking.end(agreed=True)
    assert not asking.begin()
    now[0] = 61.0
    assert asking.begin()


def test_a_no_brings_silence_that_grows() -> None:
    now = [0.0]
    asking = Asking(clock=lambda: now[0])
    silences = []
    for _ in range(3):
        assert asking.begin()
        asking.end(agreed=False)
        start = now[0]
        while not asking.begin():
            now[0] += 1.0
        silences.append(now[0] - start)
        asking.end(agreed=False)
        now[0] += 1000.0
    assert silences[0] == SILENCE_S
    assert silences == sorted(silences)
    assert silences[1] > silences[0]


def test_what_the_person_does_in_the_panel_is_asked_about_at_any_time() -> None:
    now = [0.0]
    asking = Asking(clock=lambda: now[0])
    assert asking.begin()
    asking.end(agreed=False)
    assert not asking.begin()
    assert asking.begin(prompted=True)
    assert not asking.begin(prompted=True)  # one question at a time all the same
