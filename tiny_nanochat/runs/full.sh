#!/bin/sh
# Everything: the demo's model, a look at it, then finetuning so that it answers questions.
#   python -m scripts.chat_cli -g demo -p "What is the module json for?"
set -eu
cd "$(dirname "$0")/.."

python -m nanochat.dataset -n 4
python -m scripts.tok_train --vocab-size=1024 --max-chars=3000000
python -m scripts.base_train --depth=3 --aspect-ratio=32 --head-dim=24 --max-seq-len=128 --device-batch-size=8 --num-iterations=1500 --eval-every=50 --eval-tokens=8192 --sample-every=200 --save-every=500 --model-tag=demo
python -m scripts.base_eval --model-tag=demo --eval=bpb,sample
python -m scripts.chat_sft --model-tag=demo --num-iterations=300
