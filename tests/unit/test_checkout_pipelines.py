"""Recipes: which commands of a shell script are taken over, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from nanochat_host.checkout.pipelines import Pipeline, Step, read_pipeline, read_pipelines


def read(text: str) -> Pipeline:
    return read_pipeline(text, "recipe", "runs/recipe.sh")


def steps(text: str) -> list[Step]:
    return read(text).steps


def test_a_speedrun() -> None:
    found = read("""#!/bin/bash

# Trains a model end to end.
export OMP_NUM_THREADS=1
export NANOCHAT_BASE_DIR="$HOME/.cache/nanochat"
command -v uv &> /dev/null || curl -LsSf https://example.org/install.sh | sh
[ -d ".venv" ] || uv venv
source .venv/bin/activate
if [ -z "$WANDB_RUN" ]; then
    # the default
    WANDB_RUN=dummy
fi
python -m nanochat.dataset -n 8
python -m nanochat.dataset -n 170 &
DOWNLOAD_PID=$!
wait $DOWNLOAD_PID
torchrun --standalone --nproc_per_node=8 -m scripts.base_train -- --depth=24 --run=$WANDB_RUN
python -m scripts.base_eval \\
    --device-batch-size=1 \\
    --split-tokens=16384
# python -m scripts.chat_cli -p "not this one"
""")
    env = {"OMP_NUM_THREADS": "1"}
    assert found.help == "Trains a model end to end."
    assert found.unread == []
    assert found.steps == [
        Step("nanochat.dataset", ["-n", "8"], 1, env),
        Step("nanochat.dataset", ["-n", "170"], 1, env),
        Step("scripts.base_train", ["--depth=24", "--run=dummy"], 8, env),
        Step("scripts.base_eval", ["--device-batch-size=1", "--split-tokens=16384"], 1, env),
    ]


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("N=4\npython -m scripts.a --n=$N", ["--n=4"]),
        ('N="${N:-6}"\npython -m scripts.a --n="$N"', ["--n=6"]),
        ('N=4\nN="${N:-6}"\npython -m scripts.a --n=${N}', ["--n=4"]),
        ('L=x\nRUN="${RUN:-scaling_${L}}"\npython -m scripts.a --run=$RUN', ["--run=scaling_x"]),
        ("T=$((100 * 524288))\npython -m scripts.a --t=$T", ["--t=52428800"]),
        ("python -m scripts.a -p 'What is $5?'", ["-p", "What is $5?"]),
        ('python -m scripts.a -p "a  b" # why', ["-p", "a  b"]),
        ("python -m scripts.a --x=1 2>&1 | tee log.txt", ["--x=1"]),
        ("python -m scripts.a --x=1 > out.txt", ["--x=1"]),
        ("cd . && python3.11 -u -m scripts.a --x=1; echo done", ["--x=1"]),
        ("uv run python scripts/a.py --x=1", ["--x=1"]),
        ('if [ -n "$X" ]; then\npython -m scripts.b\nelse\npython -m scripts.a 1\nfi', ["1"]),
        ('log() { echo "$1"; }\npython -m scripts.a', []),
        ("F='--b=1 --c'\npython -m scripts.a $F", ["--b=1", "--c"]),
        ("python -m scripts.a ${E:+--e=$E} --x", ["--x"]),
        ("E=1\npython -m scripts.a ${E:+--e=$E}", ["--e=1"]),
        ('N="${1:-5}"\npython -m scripts.a $N', ["5"]),
        (': "${N:=7}"\npython -m scripts.a $N', ["7"]),
        (
            'A=(--b  # why\n  --c=1)\nA+=(--d)\npython -m scripts.a "${A[@]}"',
            ["--b", "--c=1", "--d"],
        ),
        ('B=x\n[[ "$B" == y ]] && B=z\npython -m scripts.a $B', ["x"]),
        ('B=x\n[ "$B" = x ] && B=z\npython -m scripts.a $B', ["z"]),
        (
            'N=2\nif [ "$N" -gt 4 ]; then\nN=9\nelif [ $N -eq 2 ]; then\nN=8\nfi\n'
            "python -m scripts.a $N",
            ["8"],
        ),
        (
            'if [ ! -z "$SKIP" ] && [ x = x ]; then\npython -m scripts.b\nfi\npython -m scripts.a',
            [],
        ),
        ("command -v uv || { echo no; exit 1; }\npython -m scripts.a", []),
        ("if ! python -m scripts.a 1; then\n  exit 1\nfi", ["1"]),
        ("cat <<< x\npython -m scripts.a", []),
        ("uv run --extra gpu -m scripts.a --x=1", ["--x=1"]),
        ("${PYTHON:-python3} -m scripts.a", []),
        ('"$PYTHON" -m scripts.a --x', ["--x"]),
        ("cat <<EOF\npython -m scripts.b\nEOF\npython -m scripts.a", []),
    ],
)
def test_words_of_a_command(text: str, argv: list[str]) -> None:
    found = read(text)
    assert found.steps == [Step("scripts.a", argv)]
    assert found.unread == []


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ('D="$HOME/data"\npython -m scripts.a --data=$D', ["--data=/home/me/data"]),
        ("D=~/data\npython -m scripts.a $D/x ~/y ~", ["/home/me/data/x", "/home/me/y", "/home/me"]),
        ("D=${DATA:-$HOME/data}\npython -m scripts.a $D", ["/home/me/data"]),
        ("python -m scripts.a '~/x' a~/y ~you --d=~/z", ["~/x", "a~/y", "~you", "--d=~/z"]),
    ],
)
def test_the_home_folder_is_that_of_who_reads_the_recipe(
    monkeypatch: pytest.MonkeyPatch, text: str, argv: list[str]
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert steps(text) == [Step("scripts.a", argv)]
    monkeypatch.delenv("HOME")
    assert (steps(text) == []) == ("'" not in text)


@pytest.mark.parametrize(
    ("command", "nproc"),
    [
        ("torchrun --nproc_per_node=2 -m scripts.a", 2),
        ("torchrun --standalone --nproc-per-node 4 -m scripts.a --", 4),
        ("N=3\ntorchrun --nproc_per_node=$N scripts/a.py", 3),
        ("python -m torch.distributed.run --nproc_per_node=2 -m scripts.a", 2),
        ("torchrun -m scripts.a", 1),
        ("torchrun --nproc_per_node=8 -- scripts/a.py", 8),
        ("python -m nanochat.torchrun_quiet --nproc_per_node=8 -m scripts.a", 8),
        ("torchrun --nproc_per_node=gpu -m scripts.a", 0),
        ("N=$(nvidia-smi -L | wc -l)\ntorchrun --nproc_per_node=$N -m scripts.a", 0),
    ],
)
def test_processes_of_torchrun(command: str, nproc: int) -> None:
    assert steps(command) == [Step("scripts.a", [], nproc)]


def test_a_program_in_quotes_over_several_lines_is_one_command() -> None:
    found = read("python -c \"\nfor x in 'y':\n  if x:\n    print(x)\n\"\npython -m scripts.a\n")
    assert found.steps == [Step("scripts.a")]
    assert len(found.unread) == 1


def test_variables_before_a_command_are_its_environment() -> None:
    assert steps("A=1 NANOCHAT_BASE_DIR=/x python -m scripts.a")[0].env == {"A": "1"}


@pytest.mark.parametrize(
    "text",
    [
        "for d in 1 2; do\n    python -m scripts.a --depth=$d\ndone",
        "python -m scripts.a --tag=$(date +%s)",
        "python -m scripts.a --tag=$UNKNOWN",
        "python -m scripts.a --tag=$1",
        "if grep -q x y; then\n python -m scripts.a\nfi",
        "torchrun --nnodes=2 --nproc_per_node=8 -m scripts.a",
        "stage() {\n    python -m scripts.a\n}\nstage",
        "N=$(date)\npython -m scripts.a --n=${N:-1}",
        "[ -f x ] || python -m scripts.a",
        "python -m pip install torch",
        "python -m scripts.a -p 'never closed",
    ],
)
def test_what_is_only_known_on_the_machine_is_left_out_and_listed(text: str) -> None:
    found = read(text)
    assert found.steps == []
    assert len(found.unread) == 1
    assert "python" in found.unread[0] or "torchrun" in found.unread[0]


def test_a_variable_set_under_an_unknown_condition_is_unknown() -> None:
    assert read("N=1\nif [ -f x ]; then N=2; fi\npython -m scripts.a --n=$N").steps == []


def test_recipes_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "b.sh").write_text("python -m scripts.a\n")
    (tmp_path / "speedrun.sh").write_text("python -m scripts.a\n")
    (tmp_path / "setup.sh").write_text("echo nothing of ours\n")
    (tmp_path / "runs" / "binary.sh").write_bytes(bytes(range(256)) * 10)
    found = read_pipelines(tmp_path)
    assert [(p.name, p.path) for p in found] == [("b", "runs/b.sh"), ("speedrun", "speedrun.sh")]


def test_modules_in_src_are_named_as_they_are_imported(tmp_path: Path) -> None:
    (tmp_path / "src" / "owl").mkdir(parents=True)
    (tmp_path / "src" / "owl" / "train.py").write_text("")
    (tmp_path / "go.sh").write_text(
        "export PYTHONPATH=src:$PYTHONPATH\npython -m owl.train 1\n"
        "torchrun --nproc_per_node=2 src/owl/train.py 2\n"
    )
    (found,) = read_pipelines(tmp_path)
    assert found.steps == [Step("owl.train", ["1"]), Step("owl.train", ["2"], 2)]


def test_recipes_of_any_folder_that_run_a_module_of_the_checkout(tmp_path: Path) -> None:
    for folder in ("new_runs", "my_library"):
        (tmp_path / folder).mkdir()
    (tmp_path / "train.py").write_text("")
    (tmp_path / "new_runs" / "a.sh").write_text("python -m my_library.train\npython train.py\n")
    (tmp_path / "new_runs" / "b.sh").write_text("for x in 1 2; do python train.py $x; done\n")
    (tmp_path / "new_runs" / "setup.sh").write_text("python -m venv .venv\npython -c 'x'\n")
    found = read_pipelines(tmp_path)
    assert [p.path for p in found] == ["new_runs/a.sh", "new_runs/b.sh"]
    assert [step.module for step in found[0].steps] == ["my_library.train", "train"]


OPTIONS = """\
GPU="h100"
FAST=0
while [[ $# -gt 0 ]]; do
    case "$1" in
        --gpu)
            shift
            [[ $# -gt 0 ]] || { echo "no value" >&2; exit 1; }
            GPU="$1"
            ;;
        -f|--fast) FAST=1 ;;
        *)
            echo "unknown: $1" >&2
            exit 1
            ;;
    esac
    shift
done
for word in "$@"; do FAST=2; done
while getopts "g:" letter; do GPU=$OPTARG; done
case "$GPU" in
    5090|4090)
        BATCH=20
        ;;
    h1*) BATCH=65 ; DEPTH=12 ;;
    *) BATCH=1 ;;
esac
case "$FAST" in 0) python -m scripts.tok_eval;; *) python -m scripts.tok_train;; esac
python -m scripts.base_train --depth=$DEPTH --device_batch_size=$BATCH
"""


def test_a_recipe_with_options_is_read_as_it_runs_without_any() -> None:
    recipe = read_pipeline(OPTIONS, "r", "r.sh")
    assert recipe.unread == []
    assert [(step.module, step.argv) for step in recipe.steps] == [
        ("scripts.tok_eval", []),
        ("scripts.base_train", ["--depth=12", "--device_batch_size=65"]),
    ]


@pytest.mark.parametrize(
    ("branches", "known"),
    [
        ("a) N=1 ;; *) N=2 ;;", "no"),
        ("*) N=2 ;;", "2"),
        ('"$HOST") N=1 ;; *) N=2 ;;', "no"),
    ],
)
def test_a_choice_by_what_only_the_machine_knows(branches: str, known: str) -> None:
    text = f'N=0\ncase "$(hostname)" in {branches} esac\npython -m scripts.base_train --depth=$N\n'
    recipe = read_pipeline(text, "r", "r.sh")
    argv = [step.argv for step in recipe.steps]
    assert argv == ([] if known == "no" else [[f"--depth={known}"]])
    assert len(recipe.unread) == (known == "no")


def test_a_branch_that_may_have_been_taken_shuts_no_later_one_out() -> None:
    text = "case x in\n$(hostname)) N=1 ;;\nx) N=2 ;;\ny) N=3 ;;\nesac\n"
    text += "python -m scripts.base_train --depth=$N\n"
    assert len(read_pipeline(text, "r", "r.sh").unread) == 1
