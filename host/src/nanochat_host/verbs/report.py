"""`nanochat-cli run export --report`: one or several runs as Markdown and as one HTML page."""

from __future__ import annotations

import argparse

from nanochat_host.core.client import CoreClient
from nanochat_host.errors import UsageError
from nanochat_host.paths import atomic_write, expand
from nanochat_host.scrub import scrub
from nanochat_host.verbs.output import emit


def write_report(
    args: argparse.Namespace, client: CoreClient, run_id: str, commands: list[str]
) -> int:
    """Write report.md and report.html of one run. commands: the shell lines that repeat it."""
    from nanochat_host.report.gather import gather
    from nanochat_host.report.html import to_html
    from nanochat_host.report.markdown import to_markdown

    report = gather(client, run_id, commands)
    return _write(args, [run_id], to_markdown(report), to_html(report))


def write_several(args: argparse.Namespace, client: CoreClient, ids: list[str]) -> int:
    """Write report.md and report.html that compare runs."""
    from nanochat_host.report.several import gather_several, several_html, several_markdown
    from nanochat_host.verbs.compare import ask

    report = gather_several(lambda wish: ask(client, wish), ids, args.x)
    return _write(args, ids, several_markdown(report), several_html(report))


def _write(args: argparse.Namespace, ids: list[str], markdown: str, html: str) -> int:
    """Into the folder `args.report`, "" for one named after the runs. Secrets are scrubbed."""
    name = f"{ids[0]}-report" if len(ids) == 1 else f"{ids[0]}-and-{len(ids) - 1}-more-report"
    folder = expand(args.report or name).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UsageError(f"{folder} is a file", "give a folder") from None
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}", "give a folder you may write to") from None
    files = [folder / "report.md", folder / "report.html"]
    for file, text in zip(files, (markdown, html), strict=True):
        atomic_write(file, scrub(text))
    emit(args, {"runs": ids, "files": [str(file) for file in files]}, map(str, files))
    return 0
