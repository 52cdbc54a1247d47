"""A run that logs to W&B: reached, out of reach, or with a token that is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from cli_rig import Said
from core_rig import until
from wandb_server import wandb_server

TOKEN = "f" * 40
GONE = "http://127.0.0.1:1"
SCRIPT = """import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--run", type=str, default="dummy")
args = parser.parse_args()
print("MODE", os.environ.get("WANDB_MODE", "-"), "KEY", "WANDB_API_KEY" in os.environ, flush=True)
"""


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    made = Said(tmp_path_factory.mktemp("wandb-start"))
    made.env.pop("WANDB_MODE", None)
    checkout = made.folder / "says"
    (checkout / "nanochat").mkdir(parents=True)
    (checkout / "scripts").mkdir()
    for script in ("base_train", "sweep"):
        (checkout / "scripts" / f"{script}.py").write_text(SCRIPT)
    made("checkout", "add", str(checkout), "--name", "says", "--python", sys.executable)
    made("auth", "login", "wandb", "--no-check", given=TOKEN + "\n")
    yield made
    made.close()


def start(cli: Said, server: str, *words: str, code: int = 0) -> str:
    cli("core", "stop")
    cli("core", "start", env={"WANDB_BASE_URL": server})
    return cli("run", "start", "sweep", "--checkout", "says", *words, code=code)


def log(cli: Said) -> str:
    """Of the newest run, when it has ended."""
    shown = ("run", "show", "last")
    until(lambda: cli.json(*shown)["summary"]["facts"]["state"] == "done", "its end", 60.0)
    return cli("run", "logs", "last")


def test_who_answers_is_logged_to(cli: Said) -> None:
    with wandb_server() as server:
        assert "offline" not in start(cli, server, "--set", "run=it")
        assert "MODE - KEY True" in log(cli)


def test_out_of_reach_is_said_and_logged_offline(cli: Said) -> None:
    said = start(cli, GONE, "--set", "run=it")
    assert "out of reach at 127.0.0.1:1" in said and "`wandb sync` sends its folder later" in said
    assert "MODE offline KEY False" in log(cli)


def test_a_refused_token_starts_nothing_unless_forced(cli: Said) -> None:
    with wandb_server(401) as server:
        assert "refuses the token" in start(cli, server, "--set", "run=it", "--force")
        assert "MODE offline" in log(cli)
        before = len(cli.json("run", "list"))
        words = ("--checkout", "says", "--set", "run=it")
        said = cli("run", "start", "sweep", *words, code=2)
        assert "get another at https://wandb.ai/authorize" in said and "--force" in said
        assert TOKEN not in said and len(cli.json("run", "list")) == before


def test_a_run_that_logs_nowhere_asks_nobody(cli: Said) -> None:
    said = start(cli, GONE)
    assert "out of reach" not in said and "MODE - " in log(cli)
