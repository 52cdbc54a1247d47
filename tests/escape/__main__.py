"""Try to break out: `python tests/escape CASES [--layers none|full] [--only WORD]`.

Runs every case of the folder against the real worker, host and installer, or, with `--layers
none`, without any wall, where the cases that are marked so must get through. Exits 1 when one does
what it must not.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter
from pathlib import Path

from arena import Arena
from bare import Bare
from contract import read_cases
from guarded import Guarded
from installer import Installer
from nanochat_host.packs.sandbox.level import Level


async def run(folder: Path, layers: str, only: str) -> int:
    arena = Arena()
    bare = layers == "none"
    runner: Guarded | Bare = (
        Bare(arena, folder) if bare else Guarded(arena, folder, Level(layers or Level.STRICT))
    )
    installer = Installer(arena, folder, bare=bare)
    counts: Counter[str] = Counter()
    started = time.monotonic()
    try:
        for case in read_cases(folder, only):
            if not case.fits or (bare and not case.can_fail):
                counts["not run"] += 1
                continue
            start = time.monotonic()
            verdict = await (installer if case.kind == "pack" else runner).run(case)
            through = bool(verdict.problems)
            word = "through" if through else "held"
            counts[word] += 1
            wrong = through is not bare
            counts["wrong"] += wrong
            what = "; ".join(verdict.problems) if through else " ".join(verdict.detail.split())
            took_ms = (time.monotonic() - start) * 1e3
            mark = "!!" if wrong else "  "
            line = f"{mark} {word:8}{case.group:11}{case.id:28}{took_ms:6.0f} ms  {what[:90]}"
            print(line, flush=True)
    finally:
        arena.close()
    found = runner.found if isinstance(runner, Guarded) else {Level.NONE}
    level = "/".join(sorted(found)) or "unknown"
    print(
        f"\nlevel {level}: {counts['held']} held, {counts['through']} got through, "
        f"{counts['not run']} not run here, {time.monotonic() - started:.0f} s"
    )
    if counts["wrong"]:
        must = "get through without walls and did not" if bare else "hold and got through"
        print(f"{counts['wrong']} must {must} (marked !!)")
    if isinstance(runner, Guarded) and runner.found - {Level.STRICT, Level.FULL}:
        print("the walls of this system do not isolate: see `nanochat-cli doctor`")
        return 1
    return 1 if counts["wrong"] or not counts["held"] + counts["through"] else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="escape", description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--layers", choices=["", "none", "full", "strict"], default="")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # panels fail here all the time
    return asyncio.run(run(options.cases, options.layers, options.only))


if __name__ == "__main__":
    sys.exit(main())
