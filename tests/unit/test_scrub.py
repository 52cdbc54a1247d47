"""No secret leaves in a log, a dump or a report."""

from __future__ import annotations

import json
import logging
import tarfile
from pathlib import Path

import pytest
from nanochat_host.crash import last_crash, mark_seen, write_crash
from nanochat_host.doctor.check import Check
from nanochat_host.doctor.report import write_report
from nanochat_host.logs import is_debug, set_debug, setup_logging
from nanochat_host.paths import Paths
from nanochat_host.scrub import scrub

CANARY = "canary-3f9c1e77a2"


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv("WANDB_API_KEY", CANARY)
    return Paths(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        f"key is {CANARY}!",
        "token hf_abcdefghijklmnopqrstuvwxyz0123",
        "wandb: api_key=0123456789abcdef0123456789abcdef01234567",
        "https://me:hunter2hunter2@host/x",
        "password = hunter2hunter2",
    ],
)
def test_secrets_are_replaced(paths: Paths, text: str) -> None:
    hidden = scrub(text)
    assert hidden != text
    for secret in (CANARY, "hf_abcdef", "0123456789abcdef", "hunter2"):
        assert secret not in hidden


def test_what_only_looks_long_stays() -> None:
    commit = "commit 92d63d4aa0123456789abcdef0123456789abcde"
    assert scrub(commit) == commit


def test_a_log_is_json_lines_without_the_secret(paths: Paths) -> None:
    log = setup_logging(paths, "cli")
    log.info("connecting with %s", CANARY, extra={"header": f"Bearer {CANARY}"})
    try:
        raise ValueError(f"refused {CANARY}")
    except ValueError:
        log.exception("failed")
    text = (paths.logs / "cli.jsonl").read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    assert [e["level"] for e in entries] == ["info", "error"]
    assert "ValueError" in entries[1]["traceback"]
    assert CANARY not in text


def test_debug_is_switched_at_run_time(paths: Paths) -> None:
    log = setup_logging(paths, "cli")
    log.debug("unseen")
    set_debug(True)
    assert is_debug()
    log.debug("seen")
    set_debug(False)
    log.debug("unseen again")
    lines = (paths.logs / "cli.jsonl").read_text().splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["seen"]


def test_logs_rotate(paths: Paths) -> None:
    log = setup_logging(paths, "ui")
    for _ in range(60):
        log.info("x" * 100_000)
    sizes = [p.stat().st_size for p in paths.logs.glob("ui.jsonl*")]
    assert 1 < len(sizes) <= 4
    assert max(sizes) <= 2.2 * 2**20


def test_an_unwritable_folder_costs_the_log_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("a file, not a folder")
    log = setup_logging(Paths(tmp_path), "cli")
    log.info("goes nowhere")
    assert "no log is kept" in capsys.readouterr().err


def test_a_crash_dump_is_scrubbed_and_pointed_at_once(paths: Paths) -> None:
    secret = CANARY  # a local variable: must not be in the dump either

    def broken() -> None:
        raise RuntimeError(f"while using {secret}")

    try:
        broken()
    except RuntimeError as error:
        path = write_crash(paths, "ui", error)
    assert path is not None
    text = path.read_text()
    assert CANARY not in text
    assert "broken" in text
    assert path.stat().st_mode & 0o777 == 0o600
    crash = last_crash(paths)
    assert crash is not None
    assert crash.summary.startswith("RuntimeError")
    mark_seen(paths, crash)
    assert last_crash(paths) is None
    assert last_crash(paths, unseen=False) is not None


def test_an_unreadable_crash_dump_is_still_named(paths: Paths) -> None:
    paths.crashes.mkdir()
    (paths.crashes / "20260101-000000-ui.json").write_bytes(b"\xff\x00half a du")
    crash = last_crash(paths)
    assert crash is not None
    assert "cannot be read" in crash.summary


def test_the_report_holds_no_secret(paths: Paths, tmp_path: Path) -> None:
    setup_logging(paths, "core")
    logging.getLogger("nanochat_host.core").info("started")
    with (paths.logs / "core.jsonl").open("a") as file:
        file.write(f'{{"message": "older than the rule: {CANARY}"}}\n')
    checks = [Check("accounts", "W&B", "ok", f"key {CANARY}")]
    target = write_report(paths, checks, tmp_path / "report.tar.gz")
    with tarfile.open(target) as archive:
        texts = {m.name: archive.extractfile(m).read().decode() for m in archive.getmembers()}  # type: ignore[union-attr]
    assert any(name.endswith("logs/core.jsonl") for name in texts)
    assert "WANDB_API_KEY" in texts["nanochat-cli-report/environment.txt"]
    assert not [name for name, text in texts.items() if CANARY in text]
