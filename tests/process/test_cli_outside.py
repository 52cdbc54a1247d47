"""Accounts, alerts, adopted runs and reports on the command line, with a real core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_rig import Answer, Page, Said
from core_rig import until
from wandb_server import wandb_server

TOKEN = "canary-token-71c0ffee99"
LOG = "".join(
    f"step {s:05d}/00020 ({5 * s:.2f}%) | loss: {4 - s / 10:.6f} | lrm: 1.00 | dt: 1.00ms | "
    "tok/sec: 1,000 | bf16_mfu: 1.00 | epoch: 0 | total time: 0.01m\n"
    for s in range(20)
)


class Cli(Said):
    """It never says the token."""

    def run(self, *words: str, **how: Any) -> Answer:
        answer = super().run(*words, **how)
        assert TOKEN not in answer.out + answer.err
        return answer


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    cli = Cli(tmp_path_factory.mktemp("outside"))
    yield cli
    cli.close()


def test_log_in_look_and_forget(cli: Cli) -> None:
    cli("auth", "login", "wandb", "--no-check", given=TOKEN + "\n")
    assert cli.paths.secrets_json.stat().st_mode & 0o777 == 0o600
    status = {info["account"]: info for info in cli.json("auth", "status")}
    assert status["wandb"]["where"] == "file" and status["hf"]["where"] == ""
    assert "removed" in cli("auth", "forget", "wandb")
    assert "no token" in cli("auth", "forget", "wandb", code=2)


def test_a_token_is_no_argument_and_none_is_one_line(cli: Cli) -> None:
    cli("auth", "login", "wandb", "not-a-place-for-tokens", code=2)
    assert "no token was given" in cli("auth", "login", "hf", code=2)
    assert "that is no token" in cli("auth", "login", "hf", code=2, given="two words")


def test_out_of_reach_keeps_nothing(cli: Cli) -> None:
    cli("core", "stop")
    env = {"HF_ENDPOINT": "http://127.0.0.1:1"}
    said = cli("auth", "login", "hf", code=1, given=TOKEN, env=env)
    assert "Hugging Face is out of reach at 127.0.0.1:1" in said
    assert "`nanochat-cli auth login hf --no-check`" in said
    cli("core", "stop")
    assert [info["where"] for info in cli.json("auth", "status")] == ["", ""]


def test_a_refused_token_says_where_there_is_another(cli: Cli) -> None:
    with wandb_server(401) as server:
        cli("core", "stop")
        env = {"WANDB_BASE_URL": server}
        said = cli("auth", "login", "wandb", code=2, given=TOKEN, env=env)
        cli("core", "stop")
    assert "Weights & Biases refuses the token" in said and TOKEN not in said
    assert "get another at https://wandb.ai/authorize" in said
    assert [info["where"] for info in cli.json("auth", "status")] == ["", ""]


def test_import_reads_what_is_there(cli: Cli) -> None:
    assert "no token was found" in cli("auth", "import", code=1)
    (cli.folder / ".netrc").write_text(f"machine api.wandb.ai login user password {TOKEN}\n")
    (cli.folder / ".netrc").chmod(0o600)
    assert "saved, from" in cli("auth", "import")
    cli("auth", "forget", "wandb")
    (cli.folder / ".netrc").unlink()


def test_limits_are_set_shown_and_reset(cli: Cli) -> None:
    assert cli.json("alert", "set", "spike=6", "off=slow,overfit")["off"] == ["slow", "overfit"]
    shown = next(x for x in cli("alert", "show").splitlines() if x.startswith("spike"))
    assert shown.split()[1:3] == ["6.0", "8.0"]
    assert "spike = 6" in cli.paths.settings_toml.read_text()
    assert "did you mean `spike`" in cli("alert", "set", "spkie=6", code=2)
    assert cli.json("alert", "reset")["spike"] == 8.0
    assert "no command is set" in cli("alert", "test", code=2)


@pytest.fixture(scope="module")
def adopted(cli: Cli) -> str:
    # A disk or a machine that others need, too, is none of its concern.
    cli("alert", "set", "stall_s=1e6", "disk_low_gib=0.001")
    (cli.folder / "train.log").write_text(LOG)
    run_id = cli.json("run", "adopt", "train.log", "--name", "foreign")["facts"]["id"]
    return str(run_id)


def test_an_adopted_run_is_like_any_other(cli: Cli, adopted: str) -> None:
    assert "foreign" in cli("run", "show", adopted)
    sources = {info["name"]: info["state"] for info in cli.json("run", "sources", adopted)}
    assert sources["hook"] == "off" and sources["wandb"] == "off"
    assert "started without nanochat-cli" in cli("run", "save", adopted, code=2)
    assert "is not known" in cli("run", "stop", adopted, code=2)
    assert "No such file" in cli("run", "adopt", "no.log", code=2)


def test_alerts_and_health_of_it(cli: Cli, adopted: str) -> None:
    assert "no alerts" in cli("alert", "list", adopted)

    def parts_of() -> dict[str, Any]:
        (cli.folder / "train.log").touch()  # its writer is there
        return {part["key"]: part for part in cli.json("run", "health", adopted)}

    parts = until(lambda: (p := parts_of())["source:log"]["text"] == "live" and p, "it is live", 60)
    assert parts["alerts"]["level"] == "good"
    assert parts["source:hook"]["level"] == "off" and "free where runs" in parts["disk"]["why"]


def test_a_report_of_it(cli: Cli, adopted: str) -> None:
    files = cli.json("run", "export", adopted, "--report", "out")["files"]
    markdown, html = (Path(file).read_text() for file in files)
    assert "# foreign" in markdown and "train/loss" in markdown
    page = Page()
    page.feed(html)
    assert not page.open and page.tags.count("svg") >= 2 and "script" not in page.tags
    (cli.folder / "file").touch()
    assert "give a folder" in cli("run", "export", adopted, "--report", "file", code=2)
