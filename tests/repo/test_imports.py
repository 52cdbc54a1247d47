"""Who may be loaded where, seen in a fresh interpreter rather than believed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "wandb", "pydantic", "fastapi", "uvicorn", "numpy", "httpx", "requests"}


def loaded_by(statement: str) -> set[str]:
    """Names in sys.modules after `statement`, and those they are below, in an interpreter of its
    own."""
    names = "{n for m in sys.modules for n in (m, m.split('.')[0])}"
    program = f"{statement}\nimport sys; print(*{names})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import nanochat_sdk", HEAVY | {"textual", "rich", "asyncio", "nanochat_host"}),
        ("import nanochat_sdk.serve", HEAVY | {"textual", "rich", "asyncio", "nanochat_host"}),
        ("import nanochat_host.cli", HEAVY | {"textual", "rich"}),
        ("import nanochat_host.ui.app", HEAVY | {"nanochat_panels", "psutil", "pynvml"}),
        ("import nanochat_host.core.client, nanochat_host.core.start", HEAVY | {"textual"}),
        ("import nanochat_host.packs.supervisor", HEAVY | {"textual", "nanochat_panels"}),
        (
            "import nanochat_host.checkout.stages, nanochat_host.checkout.pipelines",
            HEAVY | {"textual", "msgspec", "nanochat_sdk"},
        ),
        ("import nanochat_panels.loss", HEAVY | {"textual", "rich", "nanochat_host"}),
    ],
)
def test_importing_loads_nothing_it_must_not(statement: str, forbidden: set[str]) -> None:
    assert not loaded_by(statement) & forbidden


BEFORE_PAINT = (
    "import nanochat_host.cli, nanochat_host.ui.launch, nanochat_host.ui.app, "
    "nanochat_host.ui.screens.dashboard, nanochat_host.ui.stage"
)
NOT_BEFORE_PAINT = {
    *("tomlkit", "http.client", "http.server", "urllib.request", "email.parser", "multiprocessing"),
    *("sqlite3", "ctypes", "statistics", "xml", "html", "pydoc", "unittest"),
    "nanochat_host.verbs",
    "nanochat_host.checkout",
    "nanochat_host.packs.install",
    "nanochat_host.packs.author",
    "nanochat_host.packs.zygote",
    "nanochat_host.ui.commands",
    "nanochat_host.ui.keymap",
    "nanochat_host.ui.edit.editor",
    "nanochat_host.ui.screens.help",
    "nanochat_host.ui.screens.home",
    "nanochat_host.ui.screens.start",
}


def test_the_first_paint_waits_for_nothing_it_does_not_show() -> None:
    assert not loaded_by(BEFORE_PAINT) & NOT_BEFORE_PAINT


def test_the_zygote_starts_before_anything_large_is_imported() -> None:
    late = {"textual", "rich", "msgspec", "asyncio", "logging", "argparse", "nanochat_sdk"}
    loaded = loaded_by("import nanochat_host.ui.launch")
    assert not loaded & late
    assert "nanochat_host.packs.launch" in loaded
