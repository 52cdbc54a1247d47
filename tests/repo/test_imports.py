"""Who may be loaded where, seen in a fresh interpreter rather than believed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "wandb", "pydantic", "fastapi", "uvicorn", "numpy", "httpx", "requests"}


def loaded_by(statement: str) -> set[str]:
    """Top-level names in sys.modules after `statement`, in an interpreter of its own."""
    program = f"{statement}\nimport sys; print(' '.join({{m.split('.')[0] for m in sys.modules}}))"
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
