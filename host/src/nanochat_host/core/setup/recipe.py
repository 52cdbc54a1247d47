"""Which commands make a Python environment for a checkout, or complete the one it has."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from nanochat_host.core.wire import CheckoutRef, RunStep
from nanochat_host.toml import tables

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DISTRIBUTIONS = {
    "yaml": "pyyaml", "dotenv": "python-dotenv", "PIL": "pillow", "sklearn": "scikit-learn",
    "google": "protobuf", "jwt": "pyjwt", "bs4": "beautifulsoup4",
}  # fmt: skip
"""Import names whose package on the index is called otherwise."""
BUILTIN_NEEDS = ("torch", "numpy")


@dataclass(frozen=True)
class Needs:
    """What an environment is made for. missing: import names; None: nothing is known, so all. gpu:
    there is an NVIDIA card. torch: a version instead of the checkout's pin. uv: may be used."""

    missing: list[str] | None = None
    gpu: bool = False
    torch: str = ""
    uv: bool = True
    packages: list[str] = field(default_factory=list)


def environment_steps(ref: CheckoutRef, environments: Path, needs: Needs) -> list[RunStep]:
    """In the order they run; none if nothing is missing. environments: our folder for those whose
    checkout cannot hold one."""
    root = Path(ref.path)
    project = _project(root)
    target = environment_folder(ref, environments)
    rust = _wants_rustbpe(root, needs)
    uv = shutil.which("uv") if needs.uv and not needs.torch and not ref.builtin else None
    complete = os.access(target / "bin" / "python", os.X_OK) and needs.missing is not None
    if complete and not needs.missing:
        return []
    if uv and (root / "uv.lock").is_file():
        return _with_uv(uv, root, target, project, needs, complete)
    python = str(target / "bin" / "python")
    steps = []
    if not os.access(python, os.X_OK):
        steps.append(_step("make venv", [sys.executable, "-m", "venv", str(target)]))
    wanted = _requirements(ref, root, project, needs, complete)
    if wanted:
        install = [python, "-m", "pip", "install", "--progress-bar", "off", *wanted]
        steps.append(_step("install packages", install))
    return [*steps, *([_rustbpe_step(root, target)] if rust else [])]


def _with_uv(
    uv: str, root: Path, target: Path, project: dict[str, object], needs: Needs, complete: bool
) -> list[RunStep]:
    """What the lock names, as it is locked; what it does not name, beside it."""
    env = {"UV_PROJECT_ENVIRONMENT": str(target)}
    words = [uv, "sync", "--frozen", *_extra(project, needs.gpu)]
    if not complete:
        return [RunStep("uv sync", "", [], env=env, command=words)]
    locked = (root / "uv.lock").read_text("utf-8", "replace")
    names = [_DISTRIBUTIONS.get(name, name) for name in needs.missing or []]
    beside = [name for name in names if f'name = "{_plain(name)}"' not in locked]
    steps = []
    if len(beside) < len(names):  # --inexact: leave in place what the lock does not name
        steps.append(RunStep("uv sync", "", [], env=env, command=[*words, "--inexact"]))
    if beside:
        install = [uv, "pip", "install", "--python", str(target / "bin" / "python"), *beside]
        steps.append(_step("install packages", install))
    return steps


def whole_or_gone(steps: list[RunStep], ref: CheckoutRef, environments: Path) -> list[RunStep]:
    """The same steps such that an environment they begin is removed when one of them fails."""
    target = environment_folder(ref, environments)
    if os.path.lexists(target):
        return steps
    guard = [sys.executable, "-I", "-m", "nanochat_host.core.setup.whole", str(target)]
    return [msgspec.structs.replace(step, command=[*guard, *step.command]) for step in steps]


def environment_folder(ref: CheckoutRef, environments: Path) -> Path:
    """`.venv` in the checkout, where nanochat and uv have it; ours if that cannot be written."""
    own = Path(ref.path) / ".venv"
    if ref.builtin or not (own.exists() or os.access(ref.path, os.W_OK)):
        return environments / ref.name
    return own


def _step(title: str, command: list[str]) -> RunStep:
    return RunStep(title, "", [], command=command)


def _project(root: Path) -> dict[str, object]:
    try:
        return tables((root / "pyproject.toml").read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _table(tree: dict[str, object], *names: str) -> dict[str, object]:
    for name in names:
        inner = tree.get(name)
        tree = inner if isinstance(inner, dict) else {}
    return tree


def _extra(project: dict[str, object], gpu: bool) -> list[str]:
    """nanochat has torch for CUDA and for the CPU as extras of its project."""
    extras = _table(project, "project", "optional-dependencies")
    wanted = "gpu" if gpu else "cpu"
    return ["--extra", wanted] if wanted in extras else []


def _requirements(
    ref: CheckoutRef, root: Path, project: dict[str, object], needs: Needs, complete: bool
) -> list[str]:
    declared = _declared(root, project)
    if complete:
        wanted = [
            declared.get(_plain(_DISTRIBUTIONS.get(name, name)), _DISTRIBUTIONS.get(name, name))
            for name in needs.missing or []
        ]
    elif ref.builtin:
        wanted = list(BUILTIN_NEEDS)
    else:
        wanted = list(declared.values()) or [_DISTRIBUTIONS.get(n, n) for n in needs.packages]
    if _wants_rustbpe(root, needs):
        wanted = [text for text in wanted if _plain(text) != "rustbpe"]
    if needs.torch:
        wanted = [f"torch=={needs.torch}" if _plain(w) == "torch" else w for w in wanted]
    return wanted


def _declared(root: Path, project: dict[str, object]) -> dict[str, str]:
    """Requirements by their plain name, from pyproject.toml, else from requirements.txt."""
    listed = _table(project, "project").get("dependencies")
    lines = [str(item) for item in listed] if isinstance(listed, list) else []
    if not lines:
        try:
            text = (root / "requirements.txt").read_text("utf-8", "replace")
        except OSError:
            text = ""
        lines = [line.partition(" #")[0].strip() for line in text.splitlines()]
    return {_plain(line): line for line in lines if _NAME.match(line)}


def _plain(requirement: str) -> str:
    found = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def _wants_rustbpe(root: Path, needs: Needs) -> bool:
    """Older forks carry the tokenizer's trainer as Rust source."""
    if not (root / "rustbpe" / "Cargo.toml").is_file():
        return False
    return "rustbpe" in (needs.packages if needs.missing is None else needs.missing)


def _rustbpe_step(root: Path, target: Path) -> RunStep:
    module = [sys.executable, "-I", "-m", "nanochat_host.core.setup.rustbpe"]
    python, build = str(target / "bin" / "python"), str(target / "rustbpe")
    return _step("build rustbpe", [*module, python, str(root / "rustbpe"), build])
