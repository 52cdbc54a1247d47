"""Talk to a model: python -m scripts.chat_cli -i sft -p "What is the module json for?"

A base model (-i base) has not learned to answer; it continues the text it is given.
"""

from __future__ import annotations

import argparse
import codecs

from nanochat.checkpoint_manager import load_model
from nanochat.compute import autodetect_device_type, compute_init
from nanochat.engine import Engine

RULE = "-" * 50


def reply(
    engine: Engine, tokens: list[int], max_tokens: int, temperature: float, top_k: int
) -> list[int]:
    """Print what the model says to `tokens` as it comes, and return its tokens."""
    # Characters may be split between tokens: bytes are held back until they are complete.
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    said: list[int] = []
    for column, _ in engine.generate(tokens, 1, max_tokens, temperature, top_k):
        if column[0] in engine.ends:
            break
        said.append(column[0])
        text = decoder.decode(engine.tokenizer.decode_single_token_bytes(column[0]))
        print(text, end="", flush=True)
    print(decoder.decode(b"", final=True), flush=True)
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description="Talk to a model")
    parser.add_argument(
        "-i", "--source", type=str, default="sft", help="kind of model: sft or base"
    )
    parser.add_argument(
        "-g", "--model-tag", type=str, default=None, help="model (default: the last)"
    )
    parser.add_argument("-s", "--step", type=int, default=None, help="its step (default: the last)")
    parser.add_argument("-p", "--prompt", type=str, default="", help="say this, print one answer")
    parser.add_argument(
        "-t", "--temperature", type=float, default=0.6, help="0: the likeliest token"
    )
    parser.add_argument("-k", "--top-k", type=int, default=50, help="choose among so many tokens")
    parser.add_argument("--max-tokens", type=int, default=128, help="longest answer in tokens")
    parser.add_argument("--device-type", type=str, default="", help="cuda, cpu or mps")
    args = parser.parse_args()

    device = compute_init(args.device_type or autodetect_device_type())[-1]
    model, tokenizer, _ = load_model(args.source, device, "eval", args.model_tag, args.step)
    engine = Engine(model, tokenizer)
    marks = ("<|user_start|>", "<|user_end|>", "<|assistant_start|>", "<|assistant_end|>")
    user_start, user_end, assistant_start, assistant_end = map(tokenizer.encode_special, marks)
    print("\nNanoChat Interactive Mode")
    print(RULE)
    print("Type 'quit' or 'exit' to end the conversation")
    print("Type 'clear' to start a new conversation")
    print(RULE)

    tokens = [tokenizer.get_bos_token_id()]
    while True:
        try:
            said = args.prompt or input("\nUser: ").strip()
        except (EOFError, KeyboardInterrupt):
            print("\nGoodbye!")
            return
        if said.lower() in ("quit", "exit"):
            print("Goodbye!")
            return
        if said.lower() == "clear":
            tokens = [tokenizer.get_bos_token_id()]
            print("Conversation cleared.")
            continue
        if not said:
            continue
        print("\nAssistant: ", end="", flush=True)
        if args.source == "base":
            tokens += tokenizer.encode(said)
            tokens += reply(engine, tokens, args.max_tokens, args.temperature, args.top_k)
        else:
            tokens += [user_start, *tokenizer.encode(said), user_end, assistant_start]
            tokens += reply(engine, tokens, args.max_tokens, args.temperature, args.top_k)
            tokens.append(assistant_end)
        if args.prompt:
            return


if __name__ == "__main__":
    main()
