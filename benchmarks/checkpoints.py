"""The list of a thousand checkpoints: read for the first time, again, and after one more save.

`python -m benchmarks.checkpoints [COUNT]` makes the files it lists, as `torch.save` lays them out.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from nanochat_host.core import calls_checkpoints as calls
from nanochat_host.core.checkpoints.catalog import Catalog
from nanochat_host.core.wire import AddCheckout
from nanochat_host.ui.checkpoints.listing import folders, rows

from benchmarks import rig
from benchmarks.measure import quiet_note, report

RANKS = 8
STEPS_OF_A_TAG = 50
CONFIG = {"sequence_len": 2048, "vocab_size": 32768, "n_layer": 12, "n_head": 6, "n_embd": 768}
OPTIONS = {f"option_{number}": number for number in range(30)}


def save(folder: Path, step: int) -> None:
    """One checkpoint: a model, its metadata, and a file of the optimizer for each rank."""
    folder.mkdir(parents=True, exist_ok=True)
    meta = {"step": step, "val_bpb": 1 / step, "model_config": CONFIG, "user_config": OPTIONS}
    (folder / f"meta_{step:06d}.json").write_text(json.dumps(meta))
    names = [f"model_{step:06d}.pt", *(f"optim_{step:06d}_rank{r}.pt" for r in range(RANKS))]
    for name in names:
        with zipfile.ZipFile(folder / name, "w") as zipped:
            zipped.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
            zipped.writestr("archive/data/0", bytes(1024))


def timed(work: Callable[[], object]) -> float:
    """Seconds of a call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> int:
    count = int(sys.argv[1]) if sys.argv[1:] else 1000
    print(quiet_note())
    with tempfile.TemporaryDirectory() as temporary, rig.core() as (_, client):
        base = Path(temporary)
        for number in range(count):
            tag = base / "base_checkpoints" / f"d{number // STEPS_OF_A_TAG}"
            save(tag, 100 * (1 + number % STEPS_OF_A_TAG))
        catalog = Catalog()
        first_s = timed(lambda: catalog.read(base))
        again_s = timed(lambda: catalog.read(base))
        save(base / "base_checkpoints" / "d0", 999_999)
        more_s = timed(lambda: catalog.read(base))
        client.add_checkout(
            AddCheckout(str(rig.FIREHOSE), "listed", python=sys.executable, base_dir=str(base))
        )
        ask = calls.checkpoints("listed")
        through_s = timed(lambda: client.ask(ask))
        cached_s = timed(lambda: client.ask(ask))
        listed = client.ask(ask)
        rows_s = timed(lambda: rows(folders([("listed", listed)])))
    met = [
        report(f"{count} checkpoints of {RANKS} ranks, listed first", first_s * 1e3, 1000, "ms"),
        report("listed again", again_s * 1e3, 300, "ms"),
        report("listed again after one more save", more_s * 1e3, 300, "ms"),
        report("through the core's door, first", through_s * 1e3, 1000, "ms"),
        report("through the core's door, again", cached_s * 1e3, 400, "ms"),
        report("made into rows of the screen", rows_s * 1e3, 50, "ms"),
    ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
