"""Blocks of a shell script: which of their commands run, as far as that can be told."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from .shell import Variables, Word
from .shell_tests import test, text_of


@dataclass
class Block:
    """An `if`, a loop, a function or braces. active: True runs, False does not, None cannot be
    told. taken: whether an earlier branch of the `if` or `case` ran."""

    active: bool | None
    taken: bool | None = None


@dataclass
class Case(Block):
    """subject: what is compared, None if unknown. choosing: patterns are read, up to their `)`.
    fits: whether one of them did."""

    subject: str | None = None
    choosing: bool = True
    fits: bool | None = False

    def command(self, words: list[Word], after: str) -> list[Word]:
        """What of a command's words is run: none while patterns are read."""
        if after == ";;":
            self.choosing, self.fits, self.active = True, False, False
        elif self.choosing and after == ")":
            self._choose()
        if not self.choosing:
            return words
        for word in words:
            fits = self._fit(word)
            self.fits = True if True in (self.fits, fits) else None if fits is None else self.fits
        return []

    def _fit(self, word: Word) -> bool | None:
        if word.raw == "*":
            return True
        if self.subject is None:
            return None
        if word.raw[:1] in ("'", '"', "$"):
            return None if word.text is None else word.text == self.subject
        return fnmatchcase(self.subject, word.raw)

    def _choose(self) -> None:
        self.choosing, fits = False, self.fits
        self.active = False if self.taken or fits is False else None if self.taken is None else fits
        if self.taken is False:
            self.taken = fits


def case(words: list[Word], variables: Variables) -> Case:
    """The block of `case WORD in`, with the patterns that follow on its line."""
    block = Case(False, False, text_of(words[1], variables) if len(words) > 1 else None)
    block.command(words[3:], "")
    return block


def loop(words: list[Word], variables: Variables) -> Block:
    """The block of a loop. It is left out where it does not run at all: a recipe has no arguments
    to go through. What it does otherwise depends on the turn."""
    kind, asked = words[0].raw, words[1:]
    never: bool | None = None
    if kind in ("for", "select"):
        never = [word.raw for word in asked[1:]] in ([], ["in", '"$@"'], ["in", "$@"])
    elif asked and asked[0].raw == "getopts":
        never = True
    elif (truth := test(asked, variables)) is not None:
        never = truth is (kind == "until")
    return Block(False if never else None)


def combined(left: bool | None, operator: str, right: bool | None) -> bool | None:
    """`left && right` or `left || right` where either may be unknown."""
    decides = operator == "||"
    if decides in (left, right):
        return decides
    return None if None in (left, right) else not decides
