"""Packs on the command line: what is asked, what is refused, and what a real worker then gets."""

from __future__ import annotations

import json
import os
import pty
import select
import sys
import time
from pathlib import Path

import pytest
from cli_rig import Said
from pack_rig import make_library, make_pack

EVENTS = "".join(
    json.dumps({"ts": float(s), "kind": "metric", "step": s, "train/loss": 2.0}) + "\n"
    for s in range(5)
)


class Cli(Said):
    """Nobody is at the terminal, but where `typed` puts them there."""

    def render(self, code: int = 0) -> str:
        (self.folder / "events.jsonl").write_text(EVENTS)
        replay = ("--replay", "events.jsonl", "--size", "60x4")
        return self("panel", "render", "heat:map", *replay, code=code)

    def typed(self, *words: str, answer: str) -> tuple[int, str]:
        """In a terminal, where somebody answers the question."""
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execve(sys.executable, self.command(*words), self.env)
        seen, deadline = b"", time.monotonic() + 60
        answered = False
        while time.monotonic() < deadline:
            if not select.select([fd], [], [], 0.2)[0]:
                continue
            try:
                chunk = os.read(fd, 4096)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
            if b"[y/N]" in seen and not answered:
                answered = True
                os.write(fd, answer.encode() + b"\n")
        os.close(fd)
        _pid, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), seen.decode()


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def test_nothing_is_installed_without_a_yes(cli: Cli) -> None:
    make_pack(cli.folder / "heat")
    refused = cli.run("pack", "install", "heat", code=2)
    assert "See the run's metrics" in refused.out
    assert "asks for: metrics:read, logs:read" in refused.err
    assert "add --yes" in refused.err
    assert "heat" not in cli("pack", "list")
    code, seen = cli.typed("pack", "install", "heat", answer="no")
    assert (code, "nothing was installed" in seen) == (2, True)
    assert "heat" not in cli("pack", "list")


def test_a_person_reads_agrees_and_is_asked_again_when_a_byte_changes(cli: Cli) -> None:
    source = make_pack(cli.folder / "heat")
    code, seen = cli.typed("pack", "install", "heat", answer="y")
    assert code == 0, seen
    for words in ("Install Heat (heat 1.0)?", "sha256", "walls", "Read what the training program"):
        assert words in seen
    code, seen = cli.typed("pack", "install", "heat", answer="")
    assert (code, "heat 1.0 is as it was" in seen) == (0, True)
    make_pack(source, word="goodbye")
    code, seen = cli.typed("pack", "install", "heat", answer="n")
    assert (code, "changed: panel.py" in seen) == (2, True)
    assert "heat says hello" in cli.render()


def test_a_panel_gets_what_was_granted_and_is_told_what_was_denied(cli: Cli) -> None:
    make_pack(cli.folder / "heat")
    assert cli.json("pack", "install", "heat", "--yes")["asked"] is True
    assert "denied=" in cli.render()
    facts = cli.json("pack", "grant", "heat", "--revoke", "logs:read")
    assert facts["granted"] == ["metrics:read"]
    assert "no   logs:read" in cli("pack", "grant", "heat")
    cli("pack", "grant", "heat", "logs:read", code=2)
    assert cli.json("pack", "grant", "heat", "logs:read", "--yes")["granted"] == [
        "metrics:read", "logs:read",
    ]  # fmt: skip
    assert "does not ask for `gpu:read`" in cli("pack", "grant", "heat", "gpu:read", code=2)
    assert cli.json("pack", "grant", "heat", "--unsandboxed", "--yes")["unsandboxed"] is True
    assert cli.json("pack", "grant", "heat", "--sandboxed")["unsandboxed"] is False


def test_files_that_changed_in_the_store_are_not_run(cli: Cli) -> None:
    make_pack(cli.folder / "heat")
    cli("pack", "install", "heat", "--yes")
    panel = next((cli.paths.home / "packs/store").glob("*/pack/panel.py"))
    panel.chmod(0o600)
    panel.write_text(panel.read_text() + "#")
    said = cli.render(code=1)
    assert "changed since you agreed" in said
    assert "nanochat-cli pack remove heat" in said
    assert "changed since you agreed" in cli("pack", "info", "heat", code=1)
    listed = cli.run("pack", "list", code=1)
    assert "changed" in listed.out and "enabled" not in listed.out.partition("heat")[2]
    assert "pack heat: its files have changed" in listed.err
    cli("pack", "install", "heat", "--yes")
    assert "heat says hello" in cli.render()


def test_a_library_reaches_the_panel_behind_the_walls(cli: Cli) -> None:
    _wheel, lines = make_library(cli.folder / "wheels")
    source = make_pack(cli.folder / "heat", files={"pack.lock.toml": "version = 1\n" + lines})
    code = (source / "panel.py").read_text().replace("heat says", "{colours.RED} says")
    (source / "panel.py").write_text(
        code.replace('"{colours', 'f"{colours').replace("Text\n", "Text\nimport colours\n", 1)
    )
    said = cli.run("pack", "install", "heat", "--yes", code=2)
    assert "--download" in said.err
    cli("pack", "install", "heat", "--yes", "--wheels", "wheels")
    assert "red says hello" in cli.render()


def test_list_and_info_say_what_is_wrong_and_the_rest_goes_on(cli: Cli) -> None:
    make_pack(cli.folder / "heat")
    cli("pack", "install", "heat", "--yes")
    info = cli.json("pack", "info", "heat")
    assert (info["from"], info["changed"], info["panels"]) == ("installed", "", ["heat:map"])
    cli("pack", "disable", "heat")
    assert "there is no panel" in cli.render(code=2)
    cli("pack", "enable", "heat")
    file = cli.paths.home / "packs/packs.json"
    whole = file.read_text()
    file.write_text(whole.replace("logs:read", "logs:everything"))
    broken = cli.run("pack", "list", "--json", code=1)
    (error,) = broken.data["errors"]
    assert "pack `heat`: `logs:everything` is not a permission" in error["message"]
    assert "is not a permission" in cli("pack", "info", "heat", code=2)
    file.write_text("{")
    assert "packs.json" in cli("pack", "install", "heat", "--yes", code=2)
    assert file.read_text() == "{"
    file.write_text(whole)
    assert "needs" not in cli("pack", "remove", "heat", "--yes")
    assert list((cli.paths.home / "packs/store").iterdir()) == []
    assert "no pack `heat`" in cli("pack", "remove", "heat", "--yes", code=2)
