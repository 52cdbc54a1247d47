"""What this run is: code, device, model, options, where its numbers come from."""

from __future__ import annotations

from nanochat_sdk import Needs, Payload, RunFacts, Size, Text
from nanochat_sdk import format as fmt

from nanochat_panels.base import ACTIVE, DataPanel, empty, state_words
from nanochat_panels.lines import Field, fields

UNSET = (None, "", -1)
"""Values by which nanochat says that an option is left to the script."""


class Overview(DataPanel):
    """Facts about the run as aligned fields, most important first."""

    def needs(self, size: Size) -> Needs:
        return Needs(events=("state",), max_events=200, config=bool(self.options.highlights))

    def render(self, size: Size) -> Payload:
        run = self.data.run
        if run is None:
            return empty(self.data, "facts", "")
        rows = [*self._run(run), *self._model(run), *self._patches(), *self._config()]
        return Text(lines=fields(rows, size))

    def _run(self, run: RunFacts) -> list[Field]:
        words, style = state_words(run, self.data.now)
        commit = fmt.plain(run.commit, 12)
        code = f"{run.checkout} @ {commit[:9]}" if commit else run.checkout
        out = [
            Field("run", run.name or run.id or fmt.UNKNOWN, "bold", run.id if run.name else ""),
            Field("state", words, style),
            Field("code", code or fmt.UNKNOWN, note="with local changes" if run.dirty else ""),
        ]
        device = run.device or fmt.UNKNOWN
        ranks = f"{fmt.integer(run.world_size)} ranks" if run.world_size > 1 else ""
        out.append(Field("device", device, note=ranks))
        silent = ("stale", "retrying")
        off = [name for name, state in run.sources.items() if state.startswith(silent)]
        sources = ", ".join(f"{name} {state}" for name, state in list(run.sources.items())[:8])
        late = off and run.state in ACTIVE
        out.append(Field("sources", sources or "none yet", "warning" if late else ""))
        return out

    def _model(self, run: RunFacts) -> list[Field]:
        out: list[Field] = []
        params = fmt.as_float(run.facts.get("num_params"))
        if params:
            out.append(Field("params", fmt.short(params), note=fmt.integer(params)))
        if run.tokens_per_step > 0:
            out.append(Field("tokens/step", fmt.integer(run.tokens_per_step)))
        flops = fmt.as_float(run.facts.get("num_flops_per_token", run.facts.get("flops_per_token")))
        if flops:
            out.append(Field("FLOPs/token", fmt.short(flops)))
        return out

    def _patches(self) -> list[Field]:
        """What the person changed while it ran, newest first."""
        out: list[Field] = []
        for event in reversed(self.data.events):
            found = event.fields
            if found.get("what") != "applied" or found.get("cmd") not in ("set", "lr"):
                continue
            name = "LR x" if found.get("cmd") == "lr" else fmt.plain(found.get("name"), 40)
            old = "" if found.get("old") is None else f"{_value(found['old'])} → "
            at = f"at step {fmt.integer(event.step)}" if event.step is not None else ""
            out.append(Field(f"set {name}", old + _value(found.get("value")), "accent", at))
        return out[: self.options.patches]

    def _config(self) -> list[Field]:
        names = [name.strip() for name in self.options.highlights.split(",")]
        return [
            Field(fmt.plain(name, 30), _value(self.data.config[name]))
            for name in names
            if self.data.config.get(name) not in UNSET
        ]


def _value(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return fmt.number(value) if isinstance(value, float) else fmt.integer(value)
    return fmt.cut(fmt.plain(value, 200), 60)
