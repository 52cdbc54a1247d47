"""A checkout whose model says what its prompt asks for: nanochat's modules without torch.

The prompt's last line is the answer, a character a token. Words in it steer the model: `SLOW` waits
for the file `go` before its last token, `NEVER` goes on until it is stopped, `CALC` uses the tool,
`FAIL` raises.
"""

from __future__ import annotations

from pathlib import Path

FILES = {
    "scripts/base_train.py": "import argparse\nargparse.ArgumentParser().parse_args()\n",
    "nanochat/__init__.py": "",
    "torch.py": """
bfloat16 = "bf16"
threads = [16]
def get_num_threads(): return threads[-1]
def set_num_threads(number): threads.append(number)
class cuda:
    is_available = staticmethod(lambda: False)
class backends: pass
class device(str):
    type = property(str)
""",
    "nanochat/common.py": """
import os
COMPUTE_DTYPE = "float32"
def compute_init(device_type):
    print("prints of the checkout are no answers")
    return False, 0, 0, 1, __import__("torch").device(device_type)
""",
    "nanochat/checkpoint_manager.py": """
import json, os, sys
from nanochat.engine import Tokenizer
class Weight:
    dtype = "float32"
    numel = staticmethod(lambda: 7)
class Config: sequence_len = 64
class Model:
    config = Config
    parameters = staticmethod(lambda: [Weight, Weight])
    eval = staticmethod(lambda: None)
def build_model(folder, step, device, phase):
    meta = json.load(open(os.path.join(folder, f"meta_{step:06d}.json")))
    if meta.get("broken") == "shapes":
        raise RuntimeError("Error(s) in loading state_dict for GPT:\\n  Missing key(s): smear_gate")
    if meta.get("broken") == "exit":
        print("error: the tokenizer is gone", file=sys.stderr)
        sys.exit(1)
    print("SECRETS", [v for v in os.environ.values() if "canary" in v], file=sys.stderr)
    return Model(), Tokenizer(), meta
""",
    "nanochat/engine.py": """
import os, time
SPECIAL = ["<|bos|>", *(f"<|{w}_{e}|>" for w in ("user", "assistant", "python", "output")
                         for e in ("start", "end"))]
class Tokenizer:
    def encode_special(self, word): return 256 + SPECIAL.index(word)
    def get_bos_token_id(self): return 256
    def encode(self, text): return list(text.encode())
    def decode(self, ids): return bytes(i for i in ids if i < 256).decode("utf-8", "replace")
class Engine:
    def __init__(self, model, tokenizer): pass
    def generate(self, tokens, num_samples=1, max_tokens=None, temperature=1.0, top_k=None,
                 seed=42):
        said = bytes(t if t < 256 else 10 for t in tokens).decode().rstrip("\\n").split("\\n")[-1]
        sp = Tokenizer().encode_special
        turns = str(tokens.count(257))
        threads = str(__import__("torch").get_num_threads())
        said = said.replace("SEED", str(seed)).replace("TURNS", turns).replace("THREADS", threads)
        out = list(said.encode())
        if "FAIL" in said:
            raise AssertionError("Sequence length grew beyond the rotary embeddings cache")
        if "CALC" in said:
            out = [sp("<|python_start|>"), *b"1+1", sp("<|python_end|>"),
                   sp("<|output_start|>"), *b"2", sp("<|output_end|>"), *b"two"]
        for n, token in enumerate(out[:max_tokens]):
            while "SLOW" in said and n == len(out) - 1 and not os.path.exists("go"):
                time.sleep(0.005)
            yield [token], [1]
        while "NEVER" in said:
            time.sleep(0.002)
            yield [33], [1]
        if max_tokens is None or len(out) < max_tokens:
            yield [sp("<|assistant_end|>")], [1]
""",
}


def make_speaker(folder: Path) -> Path:
    """Write the checkout; returns its folder."""
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder
