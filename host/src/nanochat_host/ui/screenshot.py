"""The screen as an SVG file, for a report or a README."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from nanochat_host.paths import atomic_write

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp


def save_screenshot(app: NanochatApp) -> Path:
    """Write what the terminal shows to the folder of screenshots. Raises OSError."""
    folder = app.paths.screenshots
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}.svg"
    atomic_write(path, app.export_screenshot(title="nanochat-cli"))
    return path


def take_screenshot(app: NanochatApp) -> None:
    """Save one once the palette is closed, and say where it lies."""

    def save() -> None:
        try:
            app.tell(f"screenshot saved: {save_screenshot(app)}")
        except OSError as error:
            app.tell(f"no screenshot: {error.filename}: {error.strerror}", "error")

    app.set_timer(0.2, save)
