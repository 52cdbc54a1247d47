"""`python -m nanochat_host.core.setup.verify FOLDER ...`: the last command of a download.

nanochat's downloader exits 0 whatever happened. The run's shim starts this after it, so that a
download that brought nothing is a failed run with the reason, whether a core is there or not.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nanochat_host.checkout.dataset import DatasetPlace
from nanochat_host.core.setup.shards import ShardReader

RETRY = "run the stage `dataset` again: what is there is not fetched twice"


def verdict(base_dir: Path, place: DatasetPlace, wanted: int) -> tuple[bool, str]:
    """Whether there is text to train and to validate on, and in one line what there is. wanted:
    files asked for, 0 if that is not known."""
    found = ShardReader().read(base_dir, place)
    folder = base_dir / place.folder
    if found.broken:
        first = found.broken[0]
        more = f" (and {len(found.broken) - 1} more)" if found.broken[1:] else ""
        return False, f"{folder / first.name} is damaged: {first.trouble}{more}; delete it, {RETRY}"
    names = {shard.name for shard in found.whole}
    if not names:
        return False, f"nothing was downloaded to {folder}: is the network there? {RETRY}"
    if place.pinned and place.validation not in names:
        return False, f"the validation shard {place.validation} is missing in {folder}; {RETRY}"
    if len(names) < 2:
        return False, f"one file in {folder}; one to train on and one to validate are needed"
    size = sum(shard.size_bytes for shard in found.whole) / 1e6
    told = f"{len(names)} shards, {size:,.1f} MB, all whole, in {folder}"
    if len(names) < wanted:
        return False, f"{wanted - len(names)} of {wanted} shards are missing in {folder}; {RETRY}"
    return True, told


def command(python: str, base_dir: str, place: DatasetPlace, wanted: int) -> list[str]:
    """What the shim is to start. python: ours."""
    return [
        *(python, "-I", "-m", "nanochat_host.core.setup.verify"),
        *(base_dir, place.folder, place.suffix, str(place.last), str(int(place.pinned))),
        str(wanted),
    ]


def main() -> int:
    """Exit code 1 if it cannot be trained on."""
    parser = argparse.ArgumentParser(description="Check a downloaded data set")
    for name in ("base_dir", "folder", "suffix"):
        parser.add_argument(name)
    for name in ("last", "pinned", "wanted"):
        parser.add_argument(name, type=int)
    args = parser.parse_args()
    place = DatasetPlace(args.folder, args.suffix, args.last, bool(args.pinned))
    fine, line = verdict(Path(args.base_dir), place, args.wanted)
    print(line, file=sys.stdout if fine else sys.stderr, flush=True)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
