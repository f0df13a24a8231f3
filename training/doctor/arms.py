"""Checks of the arms: what each would send at each endpoint format, and what is not known of its model."""

from __future__ import annotations

import orjson

from serving.decision.providers import ArmWords, Capability, check_arms
from training.doctor.checks import CheckResult, DoctorInput, Finding


def check_words(target: DoctorInput) -> CheckResult:
    """Show what every arm adds to a minimal body; refuse arms that could not be told apart."""
    check = check_arms(target.arms)
    findings = [Finding("refused", text) for text in check.refusals] + [Finding("note", text) for text in check.notes]
    return CheckResult(
        "What each arm sends",
        tuple(findings) or (Finding("ok", "every arm can be controlled, and no two send the same"),),
        ("arm", "format", "effort", "added to the body"),
        tuple((said.arm, said.api, said.effort or "-", _added(said)) for said in check.words),
    )


def check_unknowns(target: DoctorInput) -> CheckResult:
    """Show what is not known of each arm's model, and what is assumed instead."""
    seen: dict[str, tuple[str, ...]] = {}
    for said in check_arms(target.arms).words:
        seen.setdefault(said.arm, unknown_facts(said.capability))
    findings = tuple(Finding("note", f"arm {arm!r}: {'; '.join(facts)}") for arm, facts in seen.items() if facts)
    return CheckResult("What is not known of the models", findings or (Finding("ok", "nothing that matters"),))


def unknown_facts(capability: Capability) -> tuple[str, ...]:
    """List what is not known of a model, each with what is assumed.

    Examples
    --------
    >>> unknown_facts(Capability("m", "plain_effort", ("none", "high"), default="none", cache_on_effort="lost"))
    ()
    >>> unknown_facts(Capability("m", "plain_effort", ("low", "high"), default="low", cache_on_effort="kept"))
    ('whether reasoning can be switched off: never asked for',)
    """
    found = []
    if capability.own is None and "none" not in capability.efforts:
        found.append("whether reasoning can be switched off: never asked for")
    if capability.default is None:
        found.append("what a body without effort gets: such a call counts as not applied")
    if capability.cache_on_effort is None:
        found.append("whether a change of effort keeps the prompt cache: priced as lost")
    return tuple(found)


def _added(said: ArmWords) -> str:
    return orjson.dumps(said.added).decode() if said.added else "nothing: leaving it out says it"
