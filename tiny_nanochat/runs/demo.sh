#!/bin/sh
# The demo: data, tokenizer, and a small model trained for about three minutes on two CPU cores.
set -eu
cd "$(dirname "$0")/.."

python -m nanochat.dataset -n 4
python -m scripts.tok_train --vocab-size=1024 --max-chars=3000000
python -m scripts.base_train --depth=4 --aspect-ratio=32 --head-dim=32 --max-seq-len=128 --device-batch-size=8 --num-iterations=1500 --eval-every=50 --eval-tokens=16384 --sample-every=200 --save-every=400 --model-tag=demo
