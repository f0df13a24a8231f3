"""A prepared model: a proven bundle (or the prior) with the prices of its arms, ready to be bound to a policy."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from serving.decision import Arm, BadArms, Engine, Message, Request
from serving.decision.bundle import Bundle, load_bundle
from serving.decision.policy import Policy, load_arms, with_prices
from serving.decision.pricing import PriceBook, price_book
from serving.decision.prior import PriorModel
from serving.decision.providers import check_arms
from serving.model.slot import LiveEngine

logger = logging.getLogger("thinkgate.arms")

_WARM_TEXTS = (
    "What is 17 * 23?",
    "Plan the move of a billing service to three regions, step by step, with costs, risks and a way back. " * 6,
    "Schreibe den Absatz um: Größe, Maß und Übermaß. 把下面的文字翻译成英文。 ¿Cuánto cuesta? " * 4,
    "def f(x):\n    return x ** 2  # why is this slow for large x?\n" * 40,
)


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A proven model with priced arms, to which a policy can be bound.

    Parameters
    ----------
    model
        The bundle, or the prior in a cold start.
    prior
        Prior knowledge of the same arms.
    arms
        The model's arms with the prices that count.
    arm_notes
        Arms whose reasoning can't be controlled as they ask.
    """

    model: Bundle | PriorModel
    prior: PriorModel
    arms: tuple[Arm, ...]
    prices: PriceBook
    arm_notes: tuple[str, ...] = ()

    def live(self, policy: Policy) -> LiveEngine:
        """Lay a policy on it.

        Raises
        ------
        BadPolicy
            It does not fit the arms.
        """
        engine = Engine(self.model, policy, self.prices, prior=self.prior, arms=self.arms)
        facts = _facts(self.model) | ({"arm_notes": list(self.arm_notes)} if self.arm_notes else {})
        return LiveEngine(
            decider=engine,
            arms=self.arms,
            bundle_id=self.model.bundle_id,
            policy=engine.version,
            headers=frozenset(name for rule in policy.rules for name in rule.headers),
            cold_start=engine.cold_start,
            facts=facts,
            prior=Engine(self.prior, policy, self.prices, prior=self.prior, arms=self.arms),
            bound_policy=engine.bound_policy,
            hidden_share=_hidden_share(facts),
        )


def prepare_model(bundle: Path | None, arms: Path | None, allow_same: bool = False) -> PreparedModel:
    """Load and prove the model, check its arms and price them.

    Parameters
    ----------
    bundle
        Folder of a trained bundle; None for a cold start.
    arms
        An `arms.toml`: the arms of a cold start, or new prices for the bundle's own.
    allow_same
        Accept two arms that would send the same.

    Raises
    ------
    BundleRefused, BadArms, Unpriced
        With the cure.
    """
    if bundle is not None:
        model = load_bundle(bundle)
        served = model.arms if arms is None else _repriced(model.arms, load_arms(arms), arms.name)
        prices = price_book(served)
        return PreparedModel(model, PriorModel(served), served, prices, _checked(served, allow_same))
    if arms is None:
        raise BadArms("a cold start needs an arms.toml: name it with --arms FILE")
    served = load_arms(arms)
    prior, prices = PriorModel(served), price_book(served)
    return PreparedModel(prior, prior, served, prices, _checked(served, allow_same))


def warm_up(live: LiveEngine, seconds: float = 0.3, clock: Callable[[], float] = time.monotonic) -> int:
    """Decide made-up requests until caches, lazy imports and branch predictors are warm.

    Returns
    -------
    int
        How many were decided.
    """
    requests = [
        Request((Message("system", "You are helpful."),) * turns + (Message("user", text),))
        for text in _WARM_TEXTS
        for turns in (0, 1)
    ]
    count, end = 0, clock() + seconds
    while not count or clock() < end:
        for request in requests:
            live.decider.decide_recorded(request)
            count += 1
    return count


def _checked(arms: tuple[Arm, ...], allow_same: bool) -> tuple[str, ...]:
    """Check what the arms would send; log and give what can't be had, refuse what can't be told apart."""
    check = check_arms(arms)
    if not allow_same:
        check.require_distinct()
    notes = (*check.notes, *check.refusals)
    for note in notes:
        logger.warning("%s", note)
    return notes


def _repriced(ours: tuple[Arm, ...], theirs: tuple[Arm, ...], source: str) -> tuple[Arm, ...]:
    """Take prices from a file; the arms themselves are what the bundle was trained on."""
    told = {arm.name: arm for arm in theirs}
    for arm in ours:
        other = told.pop(arm.name, None)
        if other is None or (other.model, other.effort) != (arm.model, arm.effort):
            raise BadArms(
                f"{source} has no arm {arm.name!r} of model {arm.model!r} at effort {arm.effort!r}, which the bundle"
                " was trained for: correct the file, or train a bundle for the new arms"
            )
    if told:
        raise BadArms(f"{source}: the bundle knows nothing of {', '.join(told)}: leave them out, or train a new bundle")
    return with_prices(ours, theirs)


def _hidden_share(facts: Mapping[str, Any]) -> dict[str, float]:
    """Read what training says of hidden tokens; an older bundle says nothing, and free facts may say anything.

    Examples
    --------
    >>> _hidden_share({"learner": {"hidden_share": {"reasoning": 0.9, "direct": "?"}}}), _hidden_share({})
    ({'reasoning': 0.9}, {})
    """
    told = facts.get("learner", {}).get("hidden_share")
    shares = told if isinstance(told, dict) else {}
    return {arm: float(share) for arm, share in shares.items() if isinstance(share, float) and 0.0 < share <= 1.0}


def _facts(model: Bundle | PriorModel) -> dict[str, Any]:
    if isinstance(model, PriorModel):
        return {}
    told: dict[str, Any] = orjson.loads(model.manifest.to_json())
    return {name: value for name, value in told.items() if name not in ("arms", "bundle_id", "features", "files")}
