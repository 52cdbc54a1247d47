"""`config` and `prefab` as a person uses them: a real core, files on disk, exit codes and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_rig import Cli
from core_rig import make_checkout, until
from nanochat_host.paths import Paths


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    home = tmp_path_factory.mktemp("config-home")
    run = Cli(Paths(home), NANOCHAT_BASE_DIR=f"{home}/base")
    run("checkout", "add", str(make_checkout(home / "fake")), "--name", "fake")
    yield run
    run.close()


def write_prefab(cli: Cli, name: str, text: str) -> Path:
    cli.paths.prefabs.mkdir(exist_ok=True)
    path = cli.paths.prefabs / f"{name}.yaml"
    path.write_text(text)
    return path


def test_config_schema_lists_what_the_source_declares(cli: Cli) -> None:
    schema = cli.json("config", "schema", "--stage", "base_train")
    depth = next(field for field in schema["fields"] if field["name"] == "depth")
    assert (depth["type"], depth["category"], depth["unit"]) == ("int", "core", "layers")
    assert depth["help"]
    # The best of as many as it takes: others may be busy on this machine.
    until(lambda: cli.json("config", "schema")["read_s"] < 0.5, "it is read in no time", 60)
    found = cli.json("config", "schema", "--search", "learning rate")
    assert {"embedding_lr", "matrix_lr"} <= {field["name"] for field in found["fields"]}
    assert "depth" not in {field["name"] for field in found["fields"]}
    assert "Optimisation" in cli("config", "schema").out


def test_config_show_says_where_a_value_is_from(cli: Cli) -> None:
    shown = cli.json("config", "show", "--prefab", "tiny-demo", "--set", "depth=4")
    sources = {value["name"]: (value["value"], value["source"]) for value in shown["values"]}
    assert sources["depth"] == (4, "set")
    assert sources["save_every"] == (500, "prefab:tiny-demo")
    assert sources["warmup_steps"][1] == "default"


def test_config_diff_against_prefab_and_defaults(cli: Cli) -> None:
    words = ["config", "diff", "--prefab", "tiny-demo", "--set", "depth=4"]
    rows = cli.json(*words)
    assert [(row["name"], row["left"], row["right"]) for row in rows] == [("depth", 3, 4)]
    names = {row["name"] for row in cli.json(*words, "--against", "defaults")}
    assert {"depth", "save_every", "num_iterations"} <= names
    assert cli("config", "diff").out.strip() == "equal"


@pytest.mark.parametrize(
    ("pair", "near"),
    [("dept=4", "depth"), ("depth=four", "nearest: 3"), ("depth=-2", "nearest: 1")],
)
def test_config_validate_names_the_nearest(cli: Cli, pair: str, near: str) -> None:
    answer = cli("config", "validate", "--set", pair, code=2)
    assert pair.split("=")[0] in answer.out
    assert near in answer.out


def test_config_validate_gives_a_fix_that_works(cli: Cli) -> None:
    words = ["config", "validate", "--set", "total_batch_size=5000"]
    findings = cli.json(*words, code=2)
    finding = next(f for f in findings if f["code"] == "batch_not_divisible")
    fixed = [f"--set={key}={value}" for key, value in finding["fix"].items()]
    codes = {f["code"] for f in cli.json("config", "validate", *fixed, code=2)}
    assert "batch_not_divisible" not in codes
    assert "no_tokenizer" in codes


def test_config_plan_marks_exact_and_estimated(cli: Cli) -> None:
    words = ["config", "plan", "--set", "depth=4", "--gpu", "H100", "--nproc", "2"]
    report = cli.json(*words, "--price", "2")
    figures = {figure["name"]: figure for figure in report["plan"]["figures"]}
    assert figures["model_dim"]["exact"]
    assert not figures["hours"]["exact"]
    hours, dollars = figures["hours"]["value"], figures["usd"]["value"]
    assert dollars == pytest.approx(hours * 2 * 2)
    # The checkout is read by now; others may be busy on this machine.
    until(lambda: cli.json(*words)["took_s"] < 0.2, "it is planned in no time", 60)
    assert "parameters" in cli(*words).out
    assert "one of: RTX" in cli("config", "plan", "--gpu", "abacus", code=2).err
    assert "cannot be planned" in cli("config", "plan", "--stage", "tok_train", code=2).err


def test_config_plan_for_the_processor_of_this_machine(cli: Cli) -> None:
    text = cli("config", "plan", "--gpu", "cpu", "--set", "depth=4").out
    assert "GFLOP/s on this machine's CPU, until a run here tells" in text
    assert "dollars" not in text
    priced = cli.json("config", "plan", "--gpu", "cpu", "--price", "2", "--nproc", "2")["plan"]
    figures = {figure["name"]: figure["value"] for figure in priced["figures"]}
    assert figures["usd"] == pytest.approx(2 * figures["hours"])


def test_config_set_keeps_comments_and_order(cli: Cli) -> None:
    path = write_prefab(
        cli,
        "mine",
        "# my notes\nversion: 1\nstages:\n  base_train:\n"
        "    save_every: 10   # often\n    depth: 2\n",
    )
    cli("config", "set", "depth=3", "warmup-steps=5", "--prefab", "mine")
    text = path.read_text()
    assert text.startswith("# my notes\n")
    assert "save_every: 10   # often" in text
    assert text.index("save_every") < text.index("depth: 3") < text.index("warmup_steps: 5")
    cli("config", "set", "--prefab", "mine", "--reset", "depth")
    assert "depth" not in path.read_text()
    before = path.read_text()
    assert "depth" in cli("config", "set", "dept=3", "--prefab", "mine", code=2).err
    assert "stays as it is" in cli("config", "set", "depth=3", "--prefab", "speedrun", code=2).err
    assert path.read_text() == before


def test_prefab_list_show_save_delete(cli: Cli) -> None:
    names = [info["name"] for info in cli.json("prefab", "list")]
    assert names[:3] == ["$10", "$100", "$1000"]
    assert {"speedrun", "cpu-laptop", "tiny-demo", "gpu-24gb"} <= set(names)
    saved = cli.json(
        "prefab", "save", "child", "--from", "tiny-demo", "--set", "depth=4", "--set=eval_every=50"
    )
    assert saved["extends"] == "tiny-demo"
    assert saved["stages"] == {"base_train": {"depth": 4}}
    assert "tiny-demo" in cli("prefab", "show", "child").out
    detail = cli.json("prefab", "show", "child")
    assert detail["stages"]["base_train"]["num_iterations"] == 1500
    assert detail["depth"] == 4
    assert any(row["gpu"] == "H100" and row["fits"] for row in detail["matrix"])
    assert "nothing was deleted" in cli("prefab", "delete", "child", code=2).out
    cli("prefab", "delete", "child", "--yes")
    assert "child" not in [info["name"] for info in cli.json("prefab", "list")]
    assert "shipped" in cli("prefab", "delete", "speedrun", "--yes", code=2).err
    assert "speedrun" in cli("prefab", "show", "speedrnu", code=2).err


def test_prefab_that_does_not_fit_says_which_keys_with_file_and_line(cli: Cli) -> None:
    path = write_prefab(
        cli, "odd", "version: 1\nstages:\n  base_train:\n    depth: 2\n    dept_h: 3\n"
    )
    shown = cli("prefab", "show", "odd", "--checkout", "fake", code=2)
    assert str(path) in shown.out
    assert "checkout `fake` does not have all of it; show another: --checkout NAME" in shown.out
    assert "error: odd.yaml:5: `dept_h`" in shown.out
    assert "depth" in shown.out
    words = ["run", "start", "base_train", "--checkout", "fake", "--prefab", "odd"]
    assert f"{path}:5" in cli(*words, code=2).err
    assert cli.json("run", "list") == []


def test_run_start_refuses_what_preflight_finds(cli: Cli) -> None:
    words = ["run", "start", "base_train", "--checkout", "tiny"]
    before = len(cli.json("run", "list"))
    refused = cli(*words, "--set", "total_batch_size=5000", code=2)
    assert "no multiple" in refused.err
    assert "--set total_batch_size=" in refused.err
    assert len(cli.json("run", "list")) == before


def test_run_start_with_a_prefab_records_it(cli: Cli) -> None:
    write_prefab(cli, "short", "version: 1\nstages:\n  base_train: {depth: 5, num_iterations: 2}\n")
    words = ["run", "start", "base_train", "--checkout", "fake", "--prefab", "short"]
    run = cli.json(*words, "--set", "num_iterations=1")["facts"]["id"]
    record = json.loads(cli.paths.run(run).run_json.read_text())
    assert record["prefab"] == "short"
    assert (record["config"]["depth"], record["config"]["num_iterations"]) == (5, 1)
    assert record["steps"][0]["argv"] == ["--depth=5", "--num-iterations=1"]
    refused = cli("run", "start", "tok_train", "--checkout", "fake", "--prefab", "short", code=2)
    assert "sets nothing of tok_train" in refused.err
    pipeline = ["run", "start", "demo", "--checkout", "fake", "--prefab", "short"]
    steps = cli.json("run", "show", cli.json(*pipeline)["facts"]["id"])["record"]["steps"]
    assert steps[0]["argv"] == ["--vocab-size=300"]
    assert steps[1]["argv"] == ["--depth=5", "--num-iterations=2"]
