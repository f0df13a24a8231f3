"""Reads `arms.toml`: the arms (model and reasoning effort), the first of which is the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from serving.decision.errors import BadArms
from serving.decision.policy.arm_wiring import read_aliases, read_switch, with_aliases
from serving.decision.policy.strict_toml import Section, TomlFile, read_text
from serving.decision.types import EFFORTS, HOSTS, Arm, Effort, Price, Usd

# Defaults until the history carries them; means of one call, hidden tokens included.
_TOKENS: dict[Effort, float] = {
    "none": 300.0,
    "minimal": 400.0,
    "low": 800.0,
    "medium": 1500.0,
    "high": 2500.0,
    "xhigh": 4000.0,
    "max": 6000.0,
}
_LATENCY_MS: dict[Effort, float] = {
    "none": 2000.0,
    "minimal": 3000.0,
    "low": 6000.0,
    "medium": 12000.0,
    "high": 20000.0,
    "xhigh": 32000.0,
    "max": 48000.0,
}
_RANKS = {effort: rank for rank, effort in enumerate(EFFORTS)}


def effort_rank(effort: Effort) -> int:
    """Rank an effort on the scale, 0 for `none`.

    Examples
    --------
    >>> effort_rank("none"), effort_rank("max")
    (0, 6)
    """
    return _RANKS[effort]


def load_arms(path: Path | str) -> tuple[Arm, ...]:
    """Read the arms of a file.

    Parameters
    ----------
    path
        An `arms.toml`.

    Returns
    -------
    tuple of Arm
        K >= 2 arms in the file's order.

    Raises
    ------
    BadArms
        With line and key of every error.
    """
    path = Path(path)
    return parse_arms(read_text(path, BadArms), path.name)


def parse_arms(text: str, source: str = "arms.toml") -> tuple[Arm, ...]:
    """Parse the arms of a text; `source` names it in error messages.

    Raises
    ------
    BadArms
        With line and key of every error.

    Examples
    --------
    >>> arms = parse_arms('''
    ... [[arm]]
    ... name = "direct"
    ... model = "gpt-5.1"
    ... [[arm]]
    ... name = "reasoning"
    ... model = "gpt-5.1"
    ... effort = "high"
    ... ''')
    >>> [(arm.name, arm.effort) for arm in arms]
    [('direct', 'none'), ('reasoning', 'high')]
    """
    file = TomlFile(text, source, BadArms)
    sections = file.root.sections("arm")
    aliases = read_aliases(file.root)
    arms = tuple(with_aliases(_arm(section), aliases) for section in sections)
    file.root.close()
    if len(arms) < 2:
        file.root.fault(None, f"{len(arms)} [[arm]] tables: write at least two, the baseline first")
    seen: dict[str, int] = {}
    for section, arm in zip(sections, arms, strict=True):
        if arm.name and arm.name in seen:
            section.fault("name", f"{arm.name!r} is already the name of the arm at line {seen[arm.name]}: rename one")
        seen.setdefault(arm.name, section.line)
    file.finish()
    return arms


def with_prices(arms: Sequence[Arm], newer: Sequence[Arm]) -> tuple[Arm, ...]:
    """Replace prices by those of newer arms of the same names, and whatever else tells how an arm is reached.

    A new price, host, switch or alias needs no new bundle: the arm is the same model at the same effort.

    Raises
    ------
    BadArms
        An arm is missing in `newer`, or is another model or effort there.
    """
    by_name = {arm.name: arm for arm in newer}
    out = []
    for arm in arms:
        other = by_name.get(arm.name)
        if other is None:
            raise BadArms(f"the bundle's arm {arm.name!r} is missing in arms.toml: add it, with its price")
        if (other.model, other.effort) != (arm.model, arm.effort):
            raise BadArms(
                f"arm {arm.name!r} is {other.model} at effort {other.effort} in arms.toml, but the bundle learnt"
                f" {arm.model} at {arm.effort}: name the new arm differently and train on its history"
            )
        out.append(newer_terms(arm, other))
    return tuple(out)


def newer_terms(arm: Arm, newer: Arm) -> Arm:
    """Give an arm the price, host, switch and aliases of the newer one; what was learnt of it stays."""
    return replace(
        arm,
        price=newer.price,
        gpu_usd_per_second=newer.gpu_usd_per_second,
        speaks=newer.speaks,
        reasoning=newer.reasoning,
        stands_for=newer.stands_for,
        aliases=newer.aliases,
    )


def _arm(section: Section) -> Arm:
    effort = cast(Effort, section.choice("effort", "none", EFFORTS))
    arm = Arm(
        name=section.text("name"),
        model=section.text("model"),
        effort=effort,
        default_output_tokens=section.number("default_output_tokens", _TOKENS[effort], above=True),
        default_latency_ms=section.number("default_latency_ms", _LATENCY_MS[effort], above=True),
        price=_price(section),
        gpu_usd_per_second=_gpu(section),
        speaks=section.choice("speaks", "", HOSTS),
        reasoning=read_switch(section),
    )
    section.close()
    return arm


def _price(section: Section) -> Price | None:
    if not section.has("price_usd_per_mtok"):
        return None
    table = section.section("price_usd_per_mtok")
    for key in ("input", "output"):
        if not table.has(key):
            table.fault(key, "missing: a price needs input and output, USD per million tokens")
    cached = table.number("cached_input", 0.0) if table.has("cached_input") else None
    price = Price(input=table.number("input", 0.0), output=table.number("output", 0.0), cached_input=cached)
    table.close()
    if cached is not None and cached > price.input:
        table.fault("cached_input", f"{cached:g} is dearer than input ({price.input:g}): swap them, or leave it out")
    return price


def _gpu(section: Section) -> Usd | None:
    rate = section.number("gpu_usd_per_second", 0.0, above=True)
    if not section.has("gpu_usd_per_second"):
        return None
    if section.has("price_usd_per_mtok"):
        section.fault("gpu_usd_per_second", "an arm is paid by token or by GPU second: leave one of the two out")
    return Usd(rate)
