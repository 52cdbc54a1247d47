"""The pretraining text: the library sources of the Python that runs this, cut into shards.

    python -m nanochat.dataset -n 4

A shard is a file of JSON lines, one document a line: {"name": "json.decoder", "text": "..."}.
The last shard by name holds the validation documents. The same Python gives the same shards.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from nanochat.common import die, get_base_dir

FORMAT = 3
DOCUMENT_CHARS = 2000
"""A document ends before the first function, method or class after so many characters."""
VALIDATION_SHARE = 20
"""One module in so many is kept for validation."""
DEFINITIONS = ("def ", "class ", "@", "    def ", "    @")
ROW_GROUP = 64
"""Documents in what the logs call a row group (rg)."""
SKIPPED = {
    *("test", "tests", "idlelib", "lib2to3", "turtledemo", "site-packages", "dist-packages"),
    *("encodings", "pydoc_data", "__pycache__"),  # tables, and help texts as one literal
}


def data_dir() -> Path:
    return get_base_dir() / "base_data_pystdlib"


def list_shards(split: str) -> list[Path]:
    """Paths of the "train" or "val" shards, in order. Leaves with a hint when there are none."""
    shards = sorted(data_dir().glob("shard_*.jsonl"))
    if len(shards) < 2:
        die(f"no training data in {data_dir()}: run `python -m nanochat.dataset` first")
    return shards[:-1] if split == "train" else shards[-1:]


def read_shard(path: Path) -> list[dict[str, str]]:
    """The documents of one shard. Leaves with a hint when the file is damaged."""
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            return [json.loads(line) for line in lines]
    except (OSError, ValueError) as error:
        die(f"cannot read {path} ({error}): delete it and run `python -m nanochat.dataset` again")


def data_digest() -> str:
    """Names the data set: equal for equal shards."""
    manifest = data_dir() / "manifest.json"
    return hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.exists() else "none"


def library_documents(library: Path) -> Iterator[tuple[str, str]]:
    """(module name, text) of every piece of every module under `library`, in a fixed order."""
    for path in sorted(library.rglob("*.py")):
        parts = path.relative_to(library).with_suffix("").parts
        if SKIPPED.intersection(parts) or parts[-1].startswith("_sysconfigdata"):
            continue
        name = ".".join(parts).removesuffix(".__init__")
        piece: list[str] = []
        chars = 0
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            if chars >= DOCUMENT_CHARS and line.startswith(DEFINITIONS):
                yield name, "".join(piece)
                piece, chars = [], 0
            piece.append(line)
            chars += len(line)
        if chars:
            yield name, "".join(piece)


def make_shards(library: Path, num_files: int) -> list[list[dict[str, str]]]:
    """`num_files` shards of training documents and one of validation documents."""
    train: list[tuple[bytes, dict[str, str]]] = []
    val: list[tuple[bytes, dict[str, str]]] = []
    for index, (name, text) in enumerate(library_documents(library)):
        key = hashlib.sha256(f"{name} {index}".encode()).digest()
        # By module, not by piece: half a module would give the other half away.
        held_out = hashlib.sha256(name.encode()).digest()[0] % VALIDATION_SHARE == 0
        (val if held_out else train).append((key, {"name": name, "text": text}))
    if len(train) < num_files or not val:
        die(f"no library sources in {library}: this Python was installed without its .py files")
    documents = [document for _, document in sorted(train, key=lambda pair: pair[0])]
    size = -(-len(documents) // num_files)
    shards = [documents[i * size : (i + 1) * size] for i in range(num_files)]
    return [*shards, [document for _, document in sorted(val, key=lambda pair: pair[0])]]


def is_current(manifest: Path, wanted: dict[str, object]) -> bool:
    """Whether the shards on disk are the ones `wanted` describes, complete."""
    try:
        found = json.loads(manifest.read_text())
        sizes = found.pop("bytes")
        return found == wanted and all(
            (manifest.parent / name).stat().st_size == size for name, size in sizes.items()
        )
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the pretraining shards")
    parser.add_argument(
        "-n", "--num-files", type=int, default=4, help="train shards; one more is for validation"
    )
    args = parser.parse_args()
    if args.num_files < 1:
        die(f"--num-files={args.num_files}: at least 1 train shard is needed")
    folder, library = data_dir(), Path(sysconfig.get_path("stdlib"))
    wanted = {"format": FORMAT, "python": sys.version, "num_files": args.num_files}
    manifest = folder / "manifest.json"
    if is_current(manifest, wanted):
        for path in sorted(folder.glob("shard_*.jsonl")):
            print(f"Skipping {path} (already exists)")
        return
    print(f"Reading the sources in {library}", flush=True)
    shards = make_shards(library, args.num_files)
    folder.mkdir(exist_ok=True)
    for stale in [manifest, *folder.glob("shard_*")]:
        stale.unlink(missing_ok=True)
    sizes = {}
    for index, documents in enumerate(shards):
        path = folder / f"shard_{index:05d}.jsonl"
        unfinished = path.with_suffix(".tmp")
        text = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
        sizes[path.name] = path.stat().st_size
        kind = "train" if index < args.num_files else "validation"
        print(
            f"Wrote {path.name} ({index + 1}/{len(shards)}): {len(documents)} {kind} documents, "
            f"{sizes[path.name] / 1e6:.1f} MB",
            flush=True,
        )
    # Written last: without it the shards count as unfinished.
    manifest.write_text(json.dumps({**wanted, "bytes": sizes}))
    print(f"Done! {len(shards)} shards in {folder}")


if __name__ == "__main__":
    main()
