"""How right the registry is, judged by a source that it is built without: a source that is in it would judge itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from serving.decision.providers.capabilities import CapabilityRegistry, Override, parse_registry, row_key
from training.capabilities.build import build_registry
from training.capabilities.contradictions import MAKERS
from training.capabilities.facts import Fact, Source


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the judge's statements the registry agrees with.

    Parameters
    ----------
    misses
        The rest: host, model, what the judge says and what the registry says.
    """

    name: str
    right: int
    misses: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many statements were judged."""
        return self.right + len(self.misses)

    def __str__(self) -> str:
        return f"{self.name}: {self.right} of {self.total} ({self.right / max(self.total, 1):.1%})"


def judge(
    sources: Sequence[Source],
    overrides: Sequence[Override],
    settled: Collection[tuple[str, str, str]] = (),
    judging: str = "models-dev",
) -> tuple[Share, ...]:
    """Build a registry without one source and let that source judge it.

    Parameters
    ----------
    settled
        Host, key and field (`efforts` or `off`) of statements that are left out, because the provider's own documents
        decided them.

    Returns
    -------
    tuple of Share
        Models with a control that are known; makers' efforts; makers' off; efforts where the host has a row of its own
        that claims some; the same without a refused effort; efforts of all the judge's models.
    """
    registry = parse_registry(build_registry([s for s in sources if s.name != judging], overrides).text)
    facts = [fact for source in sources if source.name == judging for fact in source.facts if _has_control(fact)]
    stated = [fact for source in sources if source.name == judging for fact in source.facts if fact.efforts is not None]
    chat = [fact for fact in stated if registry.find(fact.model, fact.host).kind == "chat"]
    makers = [fact for fact in chat if fact.host in MAKERS]
    dials = [fact for fact in chat if fact.efforts and (fact.host, row_key(fact.model), "efforts") not in settled]
    offs = [fact for fact in offs_of(makers) if (fact.host, row_key(fact.model), "off") not in settled]
    own = [fact for fact in dials if row_key(fact.model) in registry.rows.get(fact.host, {})]
    claimed = [fact for fact in own if registry.find(fact.model, fact.host).switch != "fixed"]
    of_makers = [fact for fact in dials if fact.host in MAKERS]
    return (
        _share("models with a control known", facts, [_known(registry, fact) for fact in facts]),
        _share("makers' efforts right", of_makers, [_efforts(registry, fact) for fact in of_makers]),
        _share("makers' off right", offs, [_off(registry, fact) for fact in offs]),
        _share("efforts right where the host's own row claims some", claimed, [_efforts(registry, f) for f in claimed]),
        _share("no refused effort there", claimed, [_safe(registry, fact) for fact in claimed]),
        _share(
            "efforts right at all hosts, unclaimed ones counted as wrong", dials, [_efforts(registry, f) for f in dials]
        ),
    )


def _has_control(fact: Fact) -> bool:
    return bool(fact.efforts or fact.budget or fact.off)


def offs_of(facts: Iterable[Fact]) -> list[Fact]:
    """Keep the facts that say whether reasoning can be off; models.dev does not say so of Claude."""
    return [fact for fact in facts if fact.off is not None and not row_key(fact.model).startswith("claude")]


def _share(name: str, facts: Sequence[Fact], said: Sequence[str]) -> Share:
    misses = [f"{fact.host} {fact.model}: {text}" for fact, text in zip(facts, said, strict=True) if text]
    return Share(name, len(facts) - len(misses), tuple(misses))


def _known(registry: CapabilityRegistry, fact: Fact) -> str:
    return "" if registry.find(fact.model, fact.host).is_known else "unknown"


def _efforts(registry: CapabilityRegistry, fact: Fact) -> str:
    claimed = _claimed(registry, fact)
    return "" if claimed == set(fact.efforts or ()) else _differ(fact.efforts or (), claimed)


def _safe(registry: CapabilityRegistry, fact: Fact) -> str:
    found = registry.find(fact.model, fact.host)
    claimed = _claimed(registry, fact)
    return "" if found.switch == "fixed" or claimed <= set(fact.efforts or ()) else _differ(fact.efforts or (), claimed)


def _off(registry: CapabilityRegistry, fact: Fact) -> str:
    claimed = "none" in registry.find(fact.model, fact.host).efforts
    return "" if claimed == fact.off else f"off {fact.off}, here {claimed}"


def _claimed(registry: CapabilityRegistry, fact: Fact) -> set[str]:
    return {effort for effort in registry.find(fact.model, fact.host).efforts if effort != "none"}


def _differ(stated: Iterable[str], claimed: Iterable[str]) -> str:
    return f"efforts {'|'.join(stated)}, here {'|'.join(sorted(claimed))}"
