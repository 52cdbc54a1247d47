"""`nanochat-cli completion`: words after Tab, for bash, zsh and fish."""

from __future__ import annotations

import argparse
from typing import Any

from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb
from nanochat_host.verbs.output import emit

_BASH = """_nanochat_cli() {{
  local words="${{COMP_WORDS[*]:1:COMP_CWORD-1}}" cur="${{COMP_WORDS[COMP_CWORD]}}" choices=""
  case "$words" in
{cases}
  esac
  COMPREPLY=($(compgen -W "$choices" -- "$cur"))
}}
complete -o default -F _nanochat_cli nanochat-cli
"""


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "completion",
        "print a completion script for your shell",
        "nanochat-cli completion bash > ~/.local/share/bash-completion/completions/nanochat-cli",
        print_script,
    )
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])


def words_by_path(parser: argparse.ArgumentParser, path: str = "") -> dict[str, list[str]]:
    """Verb path ("run start") to the words that may follow it."""
    out: dict[str, list[str]] = {path: []}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            subparsers: dict[str, Any] = action.choices
            for name, sub in subparsers.items():
                out[path].append(name)
                out.update(words_by_path(sub, f"{path} {name}".strip()))
        else:
            out[path] += [o for o in action.option_strings if o.startswith("--")]
            out[path] += [str(c) for c in action.choices or []]
    return out


def print_script(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.cli import build_parser

    tree = words_by_path(build_parser())
    script = _fish(tree) if args.shell == "fish" else _bash(tree)
    if args.shell == "zsh":
        script = "autoload -U +X bashcompinit && bashcompinit\n" + script
    emit(args, {"shell": args.shell, "script": script}, script.splitlines())
    return 0


def _bash(tree: dict[str, list[str]]) -> str:
    longest_first = sorted(tree, key=len, reverse=True)
    cases = [
        f'    "{path}"{"*" if path else ""}) choices="{" ".join(tree[path])}" ;;'
        for path in longest_first
    ]
    return _BASH.format(cases="\n".join(cases))


def _fish(tree: dict[str, list[str]]) -> str:
    lines = []
    for path, words in tree.items():
        seen = "; and ".join(f"__fish_seen_subcommand_from {w}" for w in path.split())
        condition = seen or "__fish_use_subcommand"
        flags = [w[2:] for w in words if w.startswith("--")]
        plain = [w for w in words if not w.startswith("--")]
        if plain:
            lines.append(f"complete -c nanochat-cli -f -n '{condition}' -a '{' '.join(plain)}'")
        lines += [f"complete -c nanochat-cli -n '{condition}' -l {flag}" for flag in flags]
    return "\n".join(lines) + "\n"
