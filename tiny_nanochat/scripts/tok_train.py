"""Train the tokenizer on the train shards: python -m scripts.tok_train --vocab-size=1024"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from nanochat.dataset import data_digest, list_shards, read_shard
from nanochat.tokenizer import Tokenizer, tokenizer_dir

parser = argparse.ArgumentParser(description="Train the tokenizer")
parser.add_argument("--max-chars", type=int, default=3_000_000, help="characters to learn from")
parser.add_argument("--doc-cap", type=int, default=10_000, help="characters used of each document")
parser.add_argument("--vocab-size", type=int, default=1024, help="tokens, special ones included")


def training_texts(max_chars: int, doc_cap: int) -> Iterator[str]:
    """Documents of the train shards, each cut to `doc_cap`, until `max_chars` are given out."""
    chars = 0
    for shard in list_shards("train"):
        for document in read_shard(shard):
            if chars >= max_chars:
                return
            text = document["text"][:doc_cap]
            chars += len(text)
            yield text


def save_token_bytes(tokenizer: Tokenizer) -> None:
    """Write token_bytes.pt: bits per byte is counted with it, free of the vocabulary's size."""
    from nanochat.torch_setup import torch  # here, for it takes longer to import than all the rest

    special = {tokenizer.encode_special(text) for text in tokenizer.get_special_tokens()}
    lengths = [
        0 if token in special else len(tokenizer.decode_single_token_bytes(token))
        for token in range(tokenizer.get_vocab_size())
    ]
    path = tokenizer_dir() / "token_bytes.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    # The two files belong together: until the second is written there is no tokenizer.
    (path.parent / "tokenizer.pkl").unlink(missing_ok=True)
    torch.save(torch.tensor(lengths, dtype=torch.int32), path)
    print(f"Saved token_bytes to {path}")


def main() -> None:
    args = parser.parse_args()
    list_shards("train")  # say so now if there is nothing to learn from
    trained_on = f"{data_digest()} {args.max_chars} {args.doc_cap} {args.vocab_size}"
    folder = tokenizer_dir()
    complete = all((folder / name).exists() for name in ("tokenizer.pkl", "token_bytes.pt"))
    if complete and Tokenizer.from_directory(folder).trained_on == trained_on:
        print(f"Skipping {folder} (already trained on this data with these options)")
        return
    print(f"max_chars: {args.max_chars:,}")
    print(f"doc_cap: {args.doc_cap:,}")
    print(f"vocab_size: {args.vocab_size:,}", flush=True)
    start_s = time.perf_counter()
    tokenizer = Tokenizer.train_from_iterator(
        training_texts(args.max_chars, args.doc_cap), args.vocab_size
    )
    print(f"Training time: {time.perf_counter() - start_s:.2f}s")
    tokenizer.trained_on = trained_on
    save_token_bytes(tokenizer)
    tokenizer.save(folder)


if __name__ == "__main__":
    main()
