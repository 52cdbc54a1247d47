"""The driver's loop: requests as JSON lines on stdin, events as JSON lines on stdout.

in:  {"op": "load", "folder", "stage", "tag", "step", "device"}
     {"op": "say", "id", "mode": "chat"|"continue", "turns": [...], "temperature", "top_k",
      "max_tokens", "seed", "threads": the most to take of a CPU, 0 for as many as torch would}
     {"op": "stop", "id"}           the answer under way ends after its next token
out: {"event": "ready", "device", "load_s", "params", "context", "chat"}
     {"event": "begin", "id", "prompt_tokens"}
     {"event": "piece", "id", "kind": "text"|"tool"|"output", "text", "tokens"}
     {"event": "end", "id", "reason": "end"|"length"|"stopped", "tokens", "ttft_s", "tok_per_s"}
     {"event": "error", "id", "message", "missing"}
When stdin closes the driver leaves: it never outlives who started it.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, TextIO

from .loading import Loaded, load, one_line
from .prompts import tokens_of
from .speech import Speech

Request = dict[str, Any]


def main(answers: TextIO) -> int:
    """Serve until stdin closes."""
    return Driver(answers).serve(requests())


def requests() -> Iterator[Request]:
    """Requests as they come; lines that are none are passed over."""
    for line in sys.stdin:
        try:
            request = json.loads(line)
        except ValueError:
            continue
        if isinstance(request, dict):
            yield request


class Driver:
    """One model, one answer at a time."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._stopped: set[str] = set()
        self._loaded: Loaded | None = None

    def serve(self, source: Iterator[Request]) -> int:
        """A thread reads, so that `stop` is heard while the model speaks."""
        inbox: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(source, inbox), daemon=True).start()
        while (request := inbox.get()) is not None:
            try:
                self._do(request)
            except (Exception, SystemExit) as error:
                missing = error.name if isinstance(error, ImportError) else ""
                self._tell("error", request, message=one_line(error), missing=missing)
        return 0

    def _listen(self, source: Iterator[Request], inbox: queue.SimpleQueue[Request | None]) -> None:
        for request in source:
            if request.get("op") == "stop":
                self._stopped.add(str(request.get("id")))
            else:
                inbox.put(request)
        inbox.put(None)
        self._stopped.add("*")

    def _do(self, request: Request) -> None:
        if request.get("op") == "load":
            began = time.perf_counter()
            self._loaded = loaded = load(request)
            took = time.perf_counter() - began
            self._tell("ready", request, load_s=took, **loaded.facts())
        elif request.get("op") == "say":
            self._say(request)

    def _say(self, request: Request) -> None:
        began = time.perf_counter()
        loaded = self._loaded
        if loaded is None:
            raise RuntimeError("no model is loaded")
        prompt = tokens_of(loaded, request)
        self._tell("begin", request, prompt_tokens=len(prompt))
        speech = Speech(loaded)
        first_s = last_s = 0.0
        reason = "length"
        for token in loaded.generate(prompt, request):
            last_s = time.perf_counter() - began
            first_s = first_s or last_s
            for kind, text in speech.hear(token):
                self._tell("piece", request, kind=kind, text=text, tokens=speech.tokens)
            if speech.ended or self._stopped & {"*", str(request.get("id"))}:
                reason = "end" if speech.ended else "stopped"
                break
        for kind, text in speech.rest():
            self._tell("piece", request, kind=kind, text=text, tokens=speech.tokens)
        spoken_s = last_s - first_s
        rate = (speech.tokens - 1) / spoken_s if speech.tokens > 1 and spoken_s > 0 else 0.0
        self._tell(
            "end", request, reason=reason, tokens=speech.tokens, ttft_s=first_s, tok_per_s=rate
        )

    def _tell(self, event: str, request: Request, **fields: Any) -> None:
        line = json.dumps({"event": event, "id": str(request.get("id", "")), **fields})
        try:
            self._answers.write(line + "\n")
            self._answers.flush()
        except OSError:
            os._exit(0)  # nobody listens: what the model would say is for nobody
