"""What packs declare about configuration, laid over what a checkout's source says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nanochat_sdk.declare import Flag

from nanochat_host.checkout.model import Checkout, Option, Said, Stage
from nanochat_host.core.wire_config import CategoryRule
from nanochat_host.declaring import DeclaringPack


def category_rules(packs: Iterable[DeclaringPack]) -> list[CategoryRule]:
    """The packs' categories, in the order of their ids."""
    return [
        CategoryRule(category.id, category.options, category.title, category.help)
        for pack in packs
        for category in pack.declared.config.categories
    ]


def with_flags(found: Checkout, packs: Iterable[DeclaringPack]) -> Checkout:
    """The checkout with all that packs know about its options. A pack speaks only about stages
    with the options it requires; of two that speak about one option the first by id counts."""
    told = [pack for pack in packs if pack.declared.launch.flags]
    if not told:
        return found
    return replace(found, stages=[_stage(stage, told) for stage in found.stages])


def _stage(stage: Stage, packs: Iterable[DeclaringPack]) -> Stage:
    names = {option.name for option in stage.options}
    flags: dict[str, tuple[str, Flag]] = {}
    for pack in packs:
        launch = pack.declared.launch
        if names.issuperset(launch.requires):
            # A flag for this stage says more than one for all of them.
            for flag in sorted(launch.flags, key=lambda flag: not flag.stage):
                if flag.stage in ("", stage.name, stage.module):
                    flags.setdefault(flag.option, (pack.id, flag))
    if names.isdisjoint(flags):
        return stage
    options = [
        _option(option, *flags[option.name]) if option.name in flags else option
        for option in stage.options
    ]
    return replace(stage, options=options)


def _option(option: Option, pack: str, flag: Flag) -> Option:
    """An option as the pack knows it. Its type stays the script's unless the script has none."""
    kind = flag.type if flag.type and option.default is None else option.type
    return replace(
        option,
        type=kind,
        help=flag.help or option.help,
        choices=list(flag.values) if flag.values is not None else option.choices,
        said=Said(pack, flag.unit, flag.min, flag.max, flag.off),
    )
