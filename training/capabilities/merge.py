"""Merges the facts of all sources into one statement per host and model, field by field, most accurate first.

The first source that speaks of a field wins. The orders are measured (`docs/benchmarks/capabilities.md`): who is right
on efforts is not who is right on whether reasoning can be switched off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from serving.decision.providers.capabilities import model_key, row_key
from training.capabilities.facts import Fact, Source

EFFORT_ORDER = ("pydantic-ai", "pi-ai", "langchain", "models-dev", "litellm", "modelparams")
OFF_ORDER = ("pydantic-ai", "litellm", "pi-ai", "modelparams", "pi-catalog", "langchain", "models-dev")
DEFAULT_ORDER = ("langchain", "litellm", "modelparams", "pydantic-ai")
SAMPLING_ORDER = ("pydantic-ai", "litellm", "models-dev", "modelparams", "pi-ai", "pi-catalog")
BUDGET_ORDER = ("modelparams", "models-dev")
FLAG_ORDER = ("pydantic-ai", "litellm", "pi-ai", "pi-catalog", "models-dev")
WIRE_ORDER = ("pydantic-ai", "pi-ai", "modelparams", "litellm", "pi-catalog")

LEVELS = ("minimal", "low", "medium", "high", "xhigh", "max")
_USUAL = ("low", "medium", "high")


@dataclass(slots=True)
class Merged:
    """What all sources together state of one model at one host; None and empty where none speaks.

    Parameters
    ----------
    sources
        Per field, the source that won.
    claims
        Per disputed field (`efforts`, `off`, `default`), what each source says of it.
    chat_efforts
        Efforts accepted at the chat endpoint, where those are listed apart.
    wires
        The sources' words for the parameter, best source first.
    """

    host: str
    key: str
    name: str
    efforts: tuple[str, ...] | None = None
    off: bool | None = None
    off_word: str = ""
    default: str = ""
    budget: tuple[int, int] | None = None
    out: int | None = None
    sampling: str = ""
    forced_tools: str = ""
    history: str = ""
    inband: bool = False
    above_high: str = ""
    chat_efforts: tuple[str, ...] | None = None
    wires: tuple[str, ...] = ()
    sources: dict[str, str] = field(default_factory=dict)
    claims: dict[str, dict[str, str]] = field(default_factory=dict)


def merge_facts(sources: Iterable[Source]) -> Iterator[Merged]:
    """Yield one merged statement for every host and model that reasons, by host and key."""
    grouped: dict[tuple[str, str], dict[str, list[Fact]]] = {}
    for source in sources:
        for fact in source.facts:
            if fact.reasons:
                grouped.setdefault((fact.host, row_key(fact.model)), {}).setdefault(source.name, []).append(fact)
    for (host, key), stated in sorted(grouped.items()):
        yield _merge_row(host, key, stated)


def kinds_of(sources: Iterable[Source]) -> dict[str, str]:
    """Give the kind of every model that is no chat model, by key; what any source calls chat is left out."""
    kinds: dict[str, str] = {}
    chat: set[str] = set()
    for source in sources:
        for fact in source.facts:
            if fact.kind:
                kinds.setdefault(row_key(fact.model), fact.kind)
            else:
                chat.add(row_key(fact.model))
    # A single word (`fast`, `best`) may be anybody's name for anything.
    named = {key for key in kinds if re.search(r"\d|-", key)} - chat
    return {key: kinds[key] for key in sorted(named)}


def _merge_row(host: str, key: str, stated: Mapping[str, Sequence[Fact]]) -> Merged:
    facts = {name: _nearest(found, key) for name, found in stated.items()}
    names = [fact.model.rpartition("/")[2] for found in stated.values() for fact in found]
    merged = Merged(host, key, min(names, key=lambda name: (model_key(name) != key, len(name), name)))
    _merge_efforts(merged, facts)
    _merge_off(merged, facts)
    _merge_default(merged, facts)
    for name, order in (("sampling", SAMPLING_ORDER), ("budget", BUDGET_ORDER)):
        _take_first(merged, facts, name, order)
    for name in ("off_word", "forced_tools", "history", "above_high"):
        _take_first(merged, facts, name, FLAG_ORDER)
    limits = [fact.out for fact in facts.values() if fact.out]
    merged.out = min(limits) if limits else None
    merged.inband = any(fact.inband for fact in facts.values())
    merged.wires = tuple(facts[source].wire for source in WIRE_ORDER if source in facts and facts[source].wire)
    chat = next((fact for fact in stated.get("modelparams", ()) if fact.endpoint == "chat" and fact.efforts), None)
    if chat is not None and merged.efforts and chat.efforts:
        both = tuple(effort for effort in merged.efforts if effort in chat.efforts)
        merged.chat_efforts = both if both and both != merged.efforts else None
    return merged


def _nearest(facts: Sequence[Fact], key: str) -> Fact:
    """Choose one of a source's facts for a row: not chat where there is another, undated before dated."""
    return min(facts, key=lambda fact: (fact.endpoint == "chat", model_key(fact.model) != key, len(fact.model)))


def _merge_efforts(merged: Merged, facts: Mapping[str, Fact]) -> None:
    claims = {source: claim for source in EFFORT_ORDER if (claim := _efforts(facts.get(source))) is not None}
    for source, claim in claims.items():
        merged.efforts, merged.sources["efforts"] = claim, source
        break
    merged.claims["efforts"] = {source: "|".join(claim) for source, claim in claims.items()}


def _efforts(fact: Fact | None) -> tuple[str, ...] | None:
    """Give the efforts that a source states; where it gives exceptions only, the usual three stand unless denied."""
    if fact is None:
        return None
    if fact.efforts is not None:
        chosen = set(fact.efforts) | (set(fact.allows) - set(fact.refuses))
        return tuple(level for level in LEVELS if level in chosen)
    if not fact.allows and not fact.refuses:
        return None
    chosen = (set(_USUAL) | set(fact.allows)) - set(fact.refuses)
    return tuple(level for level in LEVELS if level in chosen)


def _merge_off(merged: Merged, facts: Mapping[str, Fact]) -> None:
    claims: dict[str, bool] = {}
    for source in OFF_ORDER:
        fact = facts.get(source)
        # models.dev lists Claude's efforts without saying that thinking itself can be left out.
        if fact is None or fact.off is None or (source == "models-dev" and merged.key.startswith("claude")):
            continue
        claims[source] = fact.off
    if claims:
        merged.sources["off"], merged.off = next(iter(claims.items()))
    merged.claims["off"] = {source: str(claim).lower() for source, claim in claims.items()}


def _merge_default(merged: Merged, facts: Mapping[str, Fact]) -> None:
    claims = {source: facts[source].default for source in DEFAULT_ORDER if source in facts and facts[source].default}
    tried = claims.get("pydantic-ai", "")
    # A model that does not think unless asked has no effort by default, whatever its effort parameter would start at.
    first = "pydantic-ai" if tried in ("none", "off") else next(iter(claims), "")
    if first == "pydantic-ai" and tried == "on" and len(claims) > 1:
        first = next(iter(claims))
    if first:
        merged.default, merged.sources["default"] = claims[first], first
    merged.claims["default"] = {source: claim for source, claim in claims.items() if claim not in ("on", "off")}


def _take_first(merged: Merged, facts: Mapping[str, Fact], name: str, order: Sequence[str]) -> None:
    for source in order:
        value = getattr(facts[source], name) if source in facts else None
        if value:
            setattr(merged, name, value)
            merged.sources[name] = source
            return
