"""`nanochat-cli run export --report`: a run as Markdown and as one HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path

from nanochat_host.core.client import CoreClient
from nanochat_host.errors import UsageError
from nanochat_host.paths import atomic_write
from nanochat_host.report.gather import gather
from nanochat_host.report.html import to_html
from nanochat_host.report.markdown import to_markdown
from nanochat_host.scrub import scrub
from nanochat_host.verbs.output import emit


def write_report(
    args: argparse.Namespace, client: CoreClient, run_id: str, commands: list[str]
) -> int:
    """Write report.md and report.html into the folder `args.report`, "" for one named after the
    run. Secrets are scrubbed."""
    folder = Path(args.report or f"{run_id}-report").expanduser().absolute()
    report = gather(client, run_id, commands)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UsageError(f"{folder} is a file", "give a folder") from None
    files = [folder / "report.md", folder / "report.html"]
    for file, text in zip(files, (to_markdown(report), to_html(report)), strict=True):
        atomic_write(file, scrub(text))
    emit(args, {"run": run_id, "files": [str(file) for file in files]}, map(str, files))
    return 0
