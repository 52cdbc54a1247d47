"""The command line's grammar: argparse, with mistakes told as every other error is."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from nanochat_host.errors import UsageError

_CHOICE = re.compile(r"argument (\S+): invalid choice: (.+?) \(choose from (.+)\)$", re.DOTALL)


class VerbParser(argparse.ArgumentParser):
    """Raises UsageError for a command line that cannot be: one line that names the verb and what
    is wrong, and as its hint the nearest word or the verb's own help."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does it, but what a verb does not know is its own mistake, not the main
        command's."""
        self._check_first(sys.argv[1:] if args is None else args)
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            word = next((w for w in rest if w.startswith("-")), rest[0])
            if not word.startswith("-"):
                self._refuse(f"`{word}` is one word too many")
            name = word.partition("=")[0]
            known = [o for action in self._actions for o in action.option_strings]
            self._refuse(f"there is no option `{name}`", name, known)
        return found, rest

    def _check_first(self, words: Sequence[str]) -> None:
        """An option that is none is the mistake, not the word after it."""
        known = {name: action for action in self._actions for name in action.option_strings}
        left = iter(words)
        for word in left:
            name, equals, _ = word.partition("=")
            if not name.removeprefix("--") or not name.startswith("--"):
                return
            if name not in known:
                self._refuse(f"there is no option `{name}`", name, list(known))
            if not equals and known[name].nargs is None:
                next(left, None)

    def error(self, message: str) -> NoReturn:
        """What argparse found wrong."""
        choice = _CHOICE.match(message)
        if choice is None:
            missing = message.partition("arguments are required: ")[2]
            self._refuse(f"{missing} is missing" if missing else message.removeprefix("argument "))
        what, given = choice[1], choice[2].strip("'\"")
        known = re.findall(r"[\w.$/-]+", choice[3])
        if what in ("VERB", "ACTION"):
            self._refuse(f"there is no `{given}`", given, known)
        self._refuse(f"{what} cannot be `{given}`: choose from {', '.join(known)}", given, known)

    def _refuse(self, message: str, given: str = "", known: Sequence[str] = ()) -> NoReturn:
        import difflib  # only mistakes need it

        near = difflib.get_close_matches(given, known, 1)
        ask = f"`{self.prog} --help` shows what it takes"
        verb = self.prog.removeprefix("nanochat-cli").strip()
        raise UsageError(
            f"{verb}: {message}" if verb else message,
            f"did you mean `{near[0]}`? {ask}" if near else ask,
        )
