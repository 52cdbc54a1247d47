"""Lines of a shell script as a shell sees them: one command may go on over several."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[\\'\"#()]")
_HEREDOC = re.compile(r"(?<!<)<<-?\s*['\"]?([A-Za-z_]\w*)['\"]?")


def logical_lines(text: str) -> list[str]:
    """Lines without comments and the text of here-documents; what a backslash, a quote, `$(` or an
    array continues is one line. A quote that is never closed ends with its line."""
    physical = text.replace("\\\r\n", "\\\n").splitlines()
    found: list[str] = []
    at = 0
    while at < len(physical):
        end, line = at + 1, physical[at]
        while (more := _continues(line)) and end < len(physical):
            line = line[:-1] + " " + physical[end] if more == "\\" else f"{line}\n{physical[end]}"
            end += 1
        if more and more != "\\":
            end, line = at + 1, physical[at]
        at = end
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found.append(line)
        if match := _HEREDOC.search(line):
            while at < len(physical) and physical[at].strip() != match.group(1):
                at += 1
            at += 1
    return found


def _continues(line: str) -> str:
    """What is still open at the end: a quote, "(" or a backslash; "" if nothing is."""
    quote, depth, at = "", 0, 0
    while found := _SPECIAL.search(line, at):
        char, at = found.group(), found.end()
        before = line[at - 2 : at - 1]
        if char == "\\" and quote != "'":
            if at == len(line):
                return "\\"
            at += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "#" and before in ("", " ", "\t", "\n", ";", "("):
            at = line.find("\n", at)
            if at < 0:
                break
        elif char == "(" and (depth or before in ("=", "$")):
            depth += 1
        elif char == ")" and depth:
            depth -= 1
    return quote or "(" * bool(depth)
