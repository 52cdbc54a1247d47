"""A checkout in the shape of nanochat's whose downloader does what a file tells it to."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from core_rig import CoreRig
from nanochat_host.core.wire import AddCheckout

ROOT = Path(__file__).resolve().parents[1]
BARE_PYTHON = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
"""An interpreter that has no torch to import, which takes its time."""
THREE_GROUPS = ROOT / "data" / "three_row_groups.parquet"

DATASET = '''"""Pretend to download: copies what lies in `mirror/`, and always ends well."""
import argparse, os, shutil, time

MAX_SHARD = 9
base_dir = os.environ["NANOCHAT_BASE_DIR"]
DATA_DIR = os.path.join(base_dir, "base_data_climbmix")
parser = argparse.ArgumentParser(description="Download pretraining dataset shards")
parser.add_argument("-n", "--num-files", type=int, default=-1)
parser.add_argument("--mirror", type=str, default="")
parser.add_argument("--go", type=str, default="")
args = parser.parse_args()
os.makedirs(DATA_DIR, exist_ok=True)
ids_to_download = list(range(MAX_SHARD if args.num_files == -1 else args.num_files))
ids_to_download.append(MAX_SHARD)
done = 0
for index in ids_to_download:
    name = f"shard_{index:05d}.parquet"
    source = os.path.join(args.mirror, name)
    if not os.path.exists(source):
        print(f"Failed to download {name} after 5 attempts")
        continue
    shutil.copy(source, os.path.join(DATA_DIR, name))
    done += 1
    while args.go and done == 2 and not os.path.exists(args.go):
        time.sleep(0.01)
print(f"Done! Downloaded: {done}/{len(ids_to_download)} shards to {DATA_DIR}")
'''


class SetupRig(CoreRig):
    """mirror: what can be downloaded. base: the checkout's base folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.checkout / "nanochat" / "dataset.py").write_text(DATASET)
        self.mirror, self.base = folder / "mirror", folder / "base"
        self.mirror.mkdir()

    def add_checkout(self) -> None:
        wish = AddCheckout(str(self.checkout), "fake", BARE_PYTHON, str(self.base))
        self.client.add_checkout(wish)

    @property
    def data(self) -> Path:
        return self.base / "base_data_climbmix"

    def offer(self, *numbers: int) -> None:
        """Let these shards be downloaded."""
        for number in numbers:
            shutil.copy(THREE_GROUPS, self.mirror / f"shard_{number:05d}.parquet")
