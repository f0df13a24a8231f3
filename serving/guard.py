"""Never lets a decision fail: whatever the engine does, somebody who was chosen beforehand answers."""

from __future__ import annotations

import dataclasses
import logging
import math
import traceback
from collections.abc import Callable, Iterable
from typing import Final

from serving.decision.arms import effort_rank
from serving.decision.errors import BadRequest
from serving.decision.offers import EveryArmDenied
from serving.decision.situation import CALM, Situation
from serving.decision.types import Arm, Caps, Decision, Fallback, Request
from serving.slot import Decider, Live, Slot

Headers = Iterable[tuple[bytes, bytes]]

logger = logging.getLogger("thinkgate.guard")

_QUIET_NS: Final = 1_000_000_000
"""One log line per second at most, however many decisions fail."""
_DEFAULT_TOTAL_MS: Final = 60_000
_MAX_HEADER: Final = 256


class UnsoundError(Exception):
    """The engine answered with a number that is none."""


class Guard:
    """Asks the live engine, and answers in its place where it fails.

    Parameters
    ----------
    slot
        Where the live engine is.
    fallback
        Who answers instead: the `baseline` arm, the arm with the highest effort (`reason`), or the `prior`.
    clock_ns
        Monotonic nanoseconds.
    new_id
        Gives a fresh decision id.
    prior
        What `fallback="prior"` asks; without one, or where it fails too, the baseline arm answers.
    """

    def __init__(
        self,
        slot: Slot,
        fallback: Fallback,
        clock_ns: Callable[[], int],
        new_id: Callable[[], str],
        prior: Decider | None = None,
    ) -> None:
        self.slot = slot
        self.decisions = 0
        """Answers given so far."""
        self.fallbacks = 0
        """Those that the model did not make."""
        self._fallback = fallback
        self._clock_ns = clock_ns
        self._new_id = new_id
        self._prior = prior
        self._quiet_until_ns = clock_ns()
        self._unlogged = 0

    def decide(self, request: Request, headers: Headers = ()) -> Decision:
        """Answer one request.

        Parameters
        ----------
        headers
            Of the call: lower-case names and values; those that the policy looks at become part of the situation.

        Returns
        -------
        Decision
            With `fallback` set where the engine raised, or where its numbers are not finite.

        Raises
        ------
        BadRequest
            The request itself can't be used.
        EveryArmDenied
            The operator's own rules leave no arm: falling back would break them. Nothing else ever.
        """
        live = self.slot.live
        started_ns = self._clock_ns()
        try:
            situation = _situation(live.headers, headers) if live.headers else CALM
            decision = live.decider.decide(request, situation)
            _require_finite(decision)
        except (BadRequest, EveryArmDenied):
            raise
        except Exception as error:
            self._log(error)
            decision = self._answer_instead(live, request, started_ns)
        self.decisions += 1
        if decision.fallback is not None:
            self.fallbacks += 1
        return decision

    def fall_back(self, request: Request, why: str) -> Decision:
        """Answer without the model, marked: for a caller whose time is up."""
        self.decisions += 1
        self.fallbacks += 1
        return self._plain(self.slot.live, request, self._clock_ns(), why)

    def _answer_instead(self, live: Live, request: Request, started_ns: int) -> Decision:
        if self._fallback == "prior" and self._prior is not None:
            try:
                decision = self._prior.decide(request)
                _require_finite(decision)
                return dataclasses.replace(decision, fallback="prior", bundle_id=live.bundle_id)
            except Exception as error:
                self._log(error)
        return self._plain(live, request, started_ns, "the model could not answer")

    def _plain(self, live: Live, request: Request, started_ns: int, why: str) -> Decision:
        kind: Fallback = "reason" if self._fallback == "reason" else "baseline"
        arm = _most_effort(live.arms) if kind == "reason" else live.arms[0]
        return Decision(
            decision_id=self._new_id(),
            arm=arm.name,
            model=arm.model,
            effort=arm.effort,
            bucket="maybe",
            propensity=1.0,
            reason=f"{why}: fallback {kind}",
            estimates={},
            caps=Caps(
                max_reasoning_tokens=0 if arm.effort == "none" else math.ceil(arm.default_output_tokens),
                max_retries=1,
                max_total_ms=_DEFAULT_TOTAL_MS if request.deadline_ms is None else math.ceil(request.deadline_ms),
            ),
            support=0.0,
            fallback=kind,
            bundle_id=live.bundle_id,
            policy=live.policy,
            elapsed_us=(self._clock_ns() - started_ns) // 1000,
        )

    def _log(self, error: Exception) -> None:
        """Log where it broke, never the message: it may quote the prompt."""
        self._unlogged += 1
        now = self._clock_ns()
        if now < self._quiet_until_ns:
            return
        place = traceback.extract_tb(error.__traceback__)[-1]
        logger.error(
            "%d decision(s) fell back: %s in %s, line %s",
            self._unlogged,
            type(error).__name__,
            place.name,
            place.lineno,
        )
        self._unlogged = 0
        self._quiet_until_ns = now + _QUIET_NS


def _situation(wanted: frozenset[str], headers: Headers) -> Situation:
    found = {name.decode("latin-1"): value[:_MAX_HEADER].decode("latin-1") for name, value in headers}
    return Situation(headers={name: value for name, value in found.items() if name in wanted})


def _most_effort(arms: tuple[Arm, ...]) -> Arm:
    return max(arms, key=lambda arm: effort_rank(arm.effort))


def _require_finite(decision: Decision) -> None:
    total = decision.propensity + decision.support
    for estimate in decision.estimates.values():
        total += estimate.success + estimate.cost_usd + estimate.latency_p95_ms + estimate.output_tokens
    if not math.isfinite(total):
        raise UnsoundError
