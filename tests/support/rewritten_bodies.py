"""Rewrites generated bodies and asks the strict provider and the vendors' types about each, before and after."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from serving.decision.providers import NOT_APPLIED, Rewrite, RewriteOptions, rewrite_effort
from tests.support.provider_bodies import GeneratedCase, generate_cases
from tests.support.strict_provider import refusal
from tests.support.vendor_schemas import schema_error


@dataclass
class RewriteTally:
    """What became of the bodies.

    Parameters
    ----------
    bodies
        Bodies that their host took before, and that the vendor's types took.
    generated
        All that were generated for that.
    refused, invalid, unstable
        Rewritten bodies that the host refuses, that the types refuse, that a second rewrite changes; with the reason.
    """

    bodies: int = 0
    generated: int = 0
    changed: int = 0
    moved: int = 0
    hosts: Counter[str] = field(default_factory=Counter)
    not_applied: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    unstable: list[str] = field(default_factory=list)


def rewrite_case(case: GeneratedCase) -> Rewrite:
    """Rewrite a case's body as an integration does."""
    options = RewriteOptions(
        max_reasoning_tokens=case.max_reasoning_tokens,
        override_client=case.override_client,
        continue_loop=case.continue_loop,
        drop_sampling=case.drop_sampling,
    )
    return rewrite_effort(case.body, case.api, case.effort, model=case.target, options=options, host=case.host)


def accepted_cases(seed: int) -> Iterator[GeneratedCase | None]:
    """Generate cases; None for one whose body is refused as the client sent it."""
    for case in generate_cases(seed):
        taken = refusal(case.host, case.api, case.model, case.body) is None
        yield case if taken and schema_error(case.host, case.api, case.body) is None else None


def tally_rewrites(bodies: int, seed: int) -> RewriteTally:
    """Rewrite as many accepted bodies."""
    tally = RewriteTally()
    for case in accepted_cases(seed):
        tally.generated += 1
        if case is None:
            continue
        _judge(case, tally)
        tally.bodies += 1
        if tally.bodies == bodies:
            break
    return tally


def _judge(case: GeneratedCase, tally: RewriteTally) -> None:
    before = copy.deepcopy(case.body)
    result = rewrite_case(case)
    assert case.body == before, "the client's body was modified"
    assert not result.not_applied or result.not_applied in NOT_APPLIED, result.not_applied
    model = result.body.get("model", case.model)
    assert isinstance(model, str)
    told = f"{case.host} {case.api} {case.model} -> {case.target} {case.effort}: {json.dumps(result.body)}"
    why = refusal(case.host, case.api, model, result.body)
    if why is not None:
        tally.refused.append(f"{why} <- {told}")
    why = schema_error(case.host, case.api, result.body)
    if why is not None:
        tally.invalid.append(f"{why} <- {told}")
    options = RewriteOptions(case.max_reasoning_tokens, case.override_client, case.continue_loop, case.drop_sampling)
    again = rewrite_effort(result.body, case.api, case.effort, model=case.target, options=options, host=case.host)
    if again.changed:
        tally.unstable.append(f"{json.dumps(again.merge)} <- {told}")
    tally.changed += result.changed
    tally.moved += model != case.model
    tally.hosts[f"{case.host} {case.api}"] += 1
    tally.not_applied[result.not_applied or "applied"] += 1
