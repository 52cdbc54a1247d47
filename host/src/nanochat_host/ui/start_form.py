"""What can be started, and with which options: the state behind the start screen, no widgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nanochat_host.core.wire import CheckoutInfo, OptionInfo, StageInfo, StartRun

NAME, NPROC = "$name", "$nproc"
"""Keys of the rows that are not options of the script."""


@dataclass(frozen=True)
class Target:
    """checkout, name: what `StartRun` takes. note: for people. error: why it cannot be started."""

    checkout: str
    name: str
    note: str
    options: tuple[OptionInfo, ...]
    error: str = ""
    pipeline: bool = False

    @property
    def key(self) -> str:
        """Unique among all targets."""
        return f"{self.checkout}/{self.name}"


def targets(info: CheckoutInfo) -> Iterator[Target]:
    """Pipelines first, then stages that train, then the rest."""
    stages = {stage.module: stage for stage in info.stages}
    for pipeline in info.pipelines:
        options: dict[str, OptionInfo] = {}
        for step in pipeline.steps:
            stage = stages.get(step.module)
            for option in stage.options if stage else ():
                options.setdefault(option.name, option)
        note = pipeline.help or " → ".join(step.module.split(".")[-1] for step in pipeline.steps)
        yield Target(info.ref.name, pipeline.name, note, tuple(options.values()), pipeline=True)
    for stage in sorted(info.stages, key=lambda s: not s.trains):
        yield _stage_target(info, stage)


def _stage_target(info: CheckoutInfo, stage: StageInfo) -> Target:
    note = stage.help.strip().splitlines()[0] if stage.help.strip() else stage.module
    return Target(info.ref.name, stage.name, note, tuple(stage.options), stage.error)


@dataclass
class StartForm:
    """target: what is about to start. typed: what the person changed, by option name."""

    target: Target | None = None
    typed: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, str]:
        """Typed values of the present target."""
        return self.typed.setdefault(self.target.key, {}) if self.target else {}

    def value(self, name: str, default: Any) -> str:
        """What the option will be, as text."""
        return self.values.get(name, "" if default is None else str(default))

    def option(self, name: str) -> OptionInfo | None:
        """The option of that name."""
        options = self.target.options if self.target else ()
        return next((option for option in options if option.name == name), None)

    def put(self, name: str, text: str) -> str:
        """Set a value; an empty text, or the default, takes it back. Returns what is wrong with
        it, or ""."""
        option = self.option(name)
        default = "1" if name == NPROC else "" if option is None else self.value_of_default(option)
        if text.strip() in {"", default}:
            self.values.pop(name, None)
            return ""
        trouble = _trouble(text.strip(), option, name)
        if not trouble:
            self.values[name] = text.strip()
        return trouble

    @staticmethod
    def value_of_default(option: OptionInfo) -> str:
        """The default as text."""
        return "" if option.default is None else str(option.default)

    def missing(self) -> list[str]:
        """Required options without a value."""
        options = self.target.options if self.target else ()
        return [o.flag for o in options if o.required and o.name not in self.values]

    def request(self) -> StartRun | None:
        """What to send to the core; it types the values by the script's own declarations."""
        if self.target is None:
            return None
        options = {k: v for k, v in self.values.items() if k not in {NAME, NPROC}}
        return StartRun(
            checkout=self.target.checkout,
            target=self.target.name,
            options=dict(options),
            nproc=int(self.values[NPROC]) if NPROC in self.values else None,
            name=self.values.get(NAME, ""),
        )


def _trouble(text: str, option: OptionInfo | None, name: str) -> str:
    if name == NPROC:
        return (
            "" if text.isdecimal() and int(text) > 0 else f"`{text}` is not a number of processes"
        )
    if option is None:
        return ""
    if option.choices and text not in {str(choice) for choice in option.choices}:
        return f"`{text}` is not one of {', '.join(str(choice) for choice in option.choices)}"
    try:
        if option.type == "int":
            int(text)
        elif option.type == "float":
            float(text)
    except ValueError:
        return f"{option.flag} takes {option.type}, and `{text}` is none"
    if option.type == "bool" and text.lower() not in {"true", "false", "1", "0"}:
        return f"{option.flag} takes true or false"
    return ""
