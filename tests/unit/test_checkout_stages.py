"""A checkout is read whole, broken scripts included, and refused when it is none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from nanochat_host.checkout.dataset import DatasetPlace, dataset_place
from nanochat_host.checkout.imports import needed_packages
from nanochat_host.checkout.stages import NotACheckoutError, read_checkout
from nanochat_host.core.checkpoints.archfields import config_fields

TRAIN = """
import argparse
parser = argparse.ArgumentParser(description="Pretrain")
parser.add_argument("--eval-every", type=int, default=5)
parser.add_argument("--depth", type=int, default=4)
args = parser.parse_args()
model = build(args.depth)
for step in range(10):
    loss.backward()
    optimizer.step()
    if step % args.eval_every == 0:
        evaluate_bpb(model)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("scripts", "nanochat", "runs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "nanochat" / "dataset.py").write_text('"""Downloads shards."""\n')
    (tmp_path / "scripts" / "base_train.py").write_text(TRAIN)
    (tmp_path / "scripts" / "__init__.py").write_text("")
    (tmp_path / "scripts" / "my_own.py").write_text("print(1)\n")
    (tmp_path / "scripts" / "tok_train.py").write_text("print(1)\n")
    (tmp_path / "runs" / "go.sh").write_text("# Everything.\npython -m scripts.base_train\n")
    return tmp_path


def test_stages_stand_in_the_order_a_model_is_made(checkout: Path) -> None:
    found = read_checkout(checkout)
    assert [(s.name, s.module) for s in found.stages] == [
        ("dataset", "nanochat.dataset"),
        ("tok_train", "scripts.tok_train"),
        ("base_train", "scripts.base_train"),
        ("my_own", "scripts.my_own"),
    ]
    train = found.stages[2]
    assert (train.trains, train.live, train.dialect) == (True, ["eval_every"], "argparse")
    assert (train.path, train.help, train.error) == ("scripts/base_train.py", "Pretrain", "")
    assert not found.stages[0].trains
    assert [p.name for p in found.pipelines] == ["go"]
    assert (found.commit, found.error) == ("", "")


@pytest.mark.parametrize(
    ("docstring", "says"),
    [
        ("Train model. Run as:\n\npython train.py", "Train model."),
        ("Run as:\n\npython train.py", "Run as:"),
        ("Evaluates. Reads v1.2: all of it", "Evaluates. Reads v1.2: all of it"),
    ],
)
def test_a_stage_is_said_without_what_leads_on(checkout: Path, docstring: str, says: str) -> None:
    (checkout / "scripts" / "my_own.py").write_text(f'"""{docstring}\n"""\n')
    assert read_checkout(checkout).stages[3].help == says


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"def broken(:\n", "line 1: "),
        (b"\x7fELF\x00\x01\x02", "a binary file"),
        (b"\xff\xfe\xfa", "a binary file"),
        (b"x = " + b"(" * 5000, ""),
    ],
)
def test_a_script_that_cannot_be_read_is_listed_with_its_error(
    checkout: Path, content: bytes, says: str
) -> None:
    (checkout / "scripts" / "chat_sft.py").write_bytes(content)
    found = read_checkout(checkout)
    broken = next(s for s in found.stages if s.name == "chat_sft")
    assert says in broken.error
    assert broken.error
    assert "\n" not in broken.error
    assert found.error == "cannot be read: chat_sft"
    assert next(s for s in found.stages if s.name == "base_train").options


@pytest.mark.parametrize("what", ["missing", "file", "empty", "other scripts"])
def test_not_a_checkout_says_so_and_what_to_give(tmp_path: Path, what: str) -> None:
    path = tmp_path / "here"
    if what == "file":
        path.write_text("x")
    elif what != "missing":
        (path / "scripts").mkdir(parents=True)
        if what == "other scripts":
            (path / "scripts" / "deploy.py").write_text("")
    with pytest.raises(NotACheckoutError) as caught:
        read_checkout(path)
    assert str(path) in caught.value.message
    assert "scripts/" in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("given", ["repository", "repository/app/scripts"])
def test_a_folder_beside_the_checkout_is_told_the_right_one(tmp_path: Path, given: str) -> None:
    scripts = tmp_path / "repository" / "app" / "scripts"
    scripts.mkdir(parents=True)
    (scripts / "base_train.py").write_text(TRAIN)
    with pytest.raises(NotACheckoutError) as caught:
        read_checkout(tmp_path / given)
    assert caught.value.hint == f"did you mean {scripts.parent}?"


@pytest.mark.parametrize("folder", ["", "scripts"])
def test_a_fork_whose_scripts_have_names_of_their_own(tmp_path: Path, folder: str) -> None:
    """One that trains is enough, in `scripts/` or in the folder itself."""
    place = tmp_path / folder
    place.mkdir(exist_ok=True)
    (place / "pretrain.py").write_text(TRAIN)
    (place / "prepare.py").write_text("print(1)\n")
    (tmp_path / "go.sh").write_text("python pretrain.py --depth=8\n")
    found = read_checkout(tmp_path)
    dotted = f"{folder}." * bool(folder)
    assert [s.module for s in found.stages] == [f"{dotted}prepare", f"{dotted}pretrain"]
    assert found.stages[1].trains
    assert [p.name for p in found.pipelines] == ([] if folder else ["go"])


def git(checkout: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", "-C", str(checkout), *identity, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_commit_and_whether_tracked_files_differ(checkout: Path) -> None:
    git(checkout, "init", "-q")
    assert read_checkout(checkout).commit == ""
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "first")
    found = read_checkout(checkout)
    assert (found.commit, found.dirty) == (git(checkout, "rev-parse", "HEAD"), False)
    (checkout / "untracked.txt").write_text("x")
    assert not read_checkout(checkout).dirty
    (checkout / "scripts" / "my_own.py").write_text("print(2)\n")
    assert read_checkout(checkout).dirty


def test_without_git_there_is_no_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(checkout, "init", "-q")
    monkeypatch.setenv("PATH", str(checkout))
    assert read_checkout(checkout).commit == ""


def test_reading_runs_nothing_of_the_checkout(checkout: Path) -> None:
    proof = checkout / "ran"
    code = f"import pathlib; pathlib.Path({str(proof)!r}).touch()\n"
    (checkout / "nanochat" / "__init__.py").write_text(code)
    (checkout / "scripts" / "__init__.py").write_text(code)
    (checkout / "scripts" / "base_train.py").write_text(code + TRAIN)
    git(checkout, "init", "-q")
    monitor = checkout / "monitor.sh"
    monitor.write_text(f"#!/bin/sh\ntouch {proof}\n")
    os.chmod(monitor, 0o755)  # noqa: PTH101
    git(checkout, "config", "core.fsmonitor", str(monitor))
    read_checkout(checkout)
    assert not proof.exists()


def test_a_renamed_library_is_found_by_what_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "base_train.py").write_text("depth = 1\n")
    for folder, names in {
        "docs": ["gpt.py"],
        "owlchat": ["gpt.py", "common.py", "tokenizer.py", "dataset.py"],
    }.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text("")
    stages = {stage.name: stage for stage in read_checkout(tmp_path).stages}
    assert stages["dataset"].module == "owlchat.dataset"
    (tmp_path / "nanochat").mkdir()
    assert "dataset" not in {stage.name for stage in read_checkout(tmp_path).stages}


def test_a_renamed_library_tells_where_its_text_lies_and_what_it_imports(tmp_path: Path) -> None:
    library = tmp_path / "owlchat"
    library.mkdir()
    (library / "gpt.py").write_text("import torch\nclass GPTConfig:\n    n_layer: int = 12\n")
    (library / "common.py").write_text("import filelock\nfrom owlchat.gpt import GPTConfig\n")
    (library / "tokenizer.py").write_text("")
    (library / "dataset.py").write_text('DATA = "base_data_owl"\nSUFFIX = ".parquet"\n')
    assert dataset_place(tmp_path) == DatasetPlace("base_data_owl", ".parquet", -1, False)
    assert needed_packages(tmp_path) == ["filelock", "torch"]
    assert config_fields(tmp_path) == {"n_layer"}


def test_programs_in_folders_of_the_scripts_are_stages_and_helpers_are_not(checkout: Path) -> None:
    jobs, old = checkout / "scripts" / "jobs", checkout / "scripts" / "old"
    for folder in (jobs, old, checkout / "scripts" / "tests"):
        folder.mkdir()
        (folder / "base_train.py").write_text(TRAIN)
    (jobs / "submit.py").write_text("import sys\nif __name__ == '__main__':\n    sys.exit()\n")
    (jobs / "helpers.py").write_text("def helper(): pass\n")
    found = [(s.name, s.module) for s in read_checkout(checkout).stages]
    assert [pair for pair in found if pair[0] != pair[1].rpartition(".")[2]] == [
        ("jobs.base_train", "scripts.jobs.base_train"),
        ("old.base_train", "scripts.old.base_train"),
    ]
    assert ("base_train", "scripts.base_train") in found
    assert ("submit", "scripts.jobs.submit") in found
    assert len(found) == 7


def test_a_fork_whose_trainer_lies_in_a_folder_of_its_scripts(tmp_path: Path) -> None:
    (tmp_path / "scripts" / "training").mkdir(parents=True)
    (tmp_path / "scripts" / "training" / "base_train.py").write_text(TRAIN)
    (stage,) = read_checkout(tmp_path).stages
    assert (stage.name, stage.module) == ("base_train", "scripts.training.base_train")


def source_layout(root: Path) -> Path:
    library = root / "src" / "owlchat"
    library.mkdir(parents=True)
    for name in ("gpt", "common", "tokenizer", "dataset"):
        (library / f"{name}.py").write_text("")
    return library


def test_scripts_and_library_in_src_are_imported_from_there(tmp_path: Path) -> None:
    library = source_layout(tmp_path)
    (library / "settings.py").write_text("DEPTH = 7\n")
    (tmp_path / "src" / "scripts").mkdir()
    script = "from owlchat.settings import DEPTH" + TRAIN.replace("=4", "=DEPTH")
    (tmp_path / "src" / "scripts" / "base_train.py").write_text(script)
    dataset, train = read_checkout(tmp_path).stages
    assert (dataset.module, train.module) == ("owlchat.dataset", "scripts.base_train")
    assert (train.path, train.env) == ("src/scripts/base_train.py", {"PYTHONPATH": "src"})
    assert [o.default for o in train.options if o.name == "depth"] == [7]
    assert needed_packages(tmp_path) == []


def test_programs_of_a_package_in_src_are_stages_where_no_script_trains(tmp_path: Path) -> None:
    library = source_layout(tmp_path)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "plot.py").write_text("print(1)\n")
    (library / "train.py").write_text(TRAIN + "if __name__ == '__main__': main()\n")
    (library / "demo.py").write_text("if __name__ == '__main__': print(1)\n")
    (library / "__main__.py").write_text("import sys\nprint(sys.argv)\n")
    (library / "tests").mkdir()
    (library / "tests" / "train.py").write_text(TRAIN)
    modules = [stage.module for stage in read_checkout(tmp_path).stages]
    assert modules == ["owlchat.dataset", "owlchat", "scripts.plot", "owlchat.train"]


def test_a_src_that_is_a_package_itself_is_imported_as_such(tmp_path: Path) -> None:
    library = source_layout(tmp_path)
    (tmp_path / "src" / "__init__.py").write_text("")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "base_train.py").write_text("from src.owlchat import gpt\n")
    (stage,) = read_checkout(tmp_path).stages
    assert stage.env == {}
    assert library.is_dir()
