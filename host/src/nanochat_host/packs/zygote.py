"""The process every worker is forked from: started by exec with an empty environment, it holds no
secret, imports the SDK once, and shares those pages with all its children.

Run by `launch`, never imported by the host. This module is its beginning: light, because
where there are namespaces a second copy of what it has imported stays. `fork_server` is the rest.
"""

from __future__ import annotations

import importlib
import json
import sys

from nanochat_host.packs.sandbox.kernel import die_with
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.packs.sandbox.prepare import Plan, prepare

PRELOAD = (
    *("bisect", "collections", "dataclasses", "datetime", "functools", "itertools", "json", "math"),
    *("linecache", "re", "statistics", "string", "textwrap", "msgspec.msgpack"),
    *("nanochat_sdk", "nanochat_sdk.downsample", "nanochat_sdk.format"),
    "nanochat_host.packs.fork_server",
)
"""Imported for the children: what the SDK needs later, and what panels commonly use."""


def main() -> None:
    """argv: what `launch` wants as JSON, then folders that are needed for imports now and
    are of no business to a worker."""
    wanted, *borrowed = sys.argv[1:]
    del sys.argv[1:], sys.orig_argv[1:]
    config = json.loads(wanted)
    die_with(config["host_pid"])
    wishes = (config[name] for name in ("readable", "packages", "files"))
    plan = Plan(Level(config["highest"]), *wishes)

    def load() -> None:
        for name in (*PRELOAD, *config["preload"]):
            importlib.import_module(name)
        sys.path[:] = [folder for folder in sys.path if folder not in borrowed]

    prepared = prepare(plan, load)
    from nanochat_host.packs import fork_server  # loaded above, after the second copy was made

    fork_server.run(config["control_fd"], prepared)
