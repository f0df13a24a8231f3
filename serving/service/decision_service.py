"""Decision service: gathers runtime state, runs the live engine, notifies sinks, and falls back on failure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from serving.decision import Applied, BadRequest, Decision, Fallback, Integration, RecordedDecision, Request
from serving.decision.selection import NEUTRAL, EveryArmDenied, RuntimeState, combine_states
from serving.model import EngineSlot, LiveEngine
from serving.service.admission import SLOW, AdmissionControl
from serving.service.failures import FailureLog, require_finite
from serving.service.fallback import choose_fallback
from serving.service.ports import DecisionSink, RequestIdentifier, RuntimeStateSource, Tracing

Headers = Iterable[tuple[bytes, bytes]]

_OVERRIDDEN: Final = {"client": ", with the client's effort", "tool_loop": ", as this tool loop began"}
_MAX_HEADER: Final = 256


@dataclasses.dataclass(frozen=True, slots=True)
class DecisionStats:
    """Counts since the start.

    Parameters
    ----------
    decisions
        Answers given.
    fallbacks
        Those that the model did not make.
    contained
        Times that a source or a sink raised, and the decision went on without it.
    """

    decisions: int = 0
    fallbacks: int = 0
    contained: int = 0

    @property
    def coverage(self) -> float:
        """Give the share of answers that the model made; 1 before the first."""
        return 1.0 - self.fallbacks / self.decisions if self.decisions else 1.0


class DecisionService:
    """Gathers runtime state, runs the live engine, notifies sinks, and falls back on failure.

    Every front end decides through one of these. It belongs to one thread, that of the event loop.

    Parameters
    ----------
    slot
        Where the live engine is.
    fallback
        What answers instead: the `baseline` arm, the arm with the highest effort (`reason`), or the `prior`; where the
        prior fails too, or there is none, the baseline arm.
    clock_ns
        Monotonic nanoseconds.
    new_id
        Gives a fresh decision id.
    sources
        Asked before each decision, in this order; what they know is combined.
    sinks
        Told after each decision, fallbacks included.
    tracing
        Told of it too, with the headers; None where no traces are wanted.
    admission
        How long a decision may take, and how many may wait; without end where None.
    pick
        Gives who decides a request instead of the live engine; must be cheap and never raise.
    identifier
        Completes requests that were read from a provider's body; None leaves them as they are.
    passed_over
        Told of each call that an integration let pass without a decision: the reason, and the integration.
    """

    def __init__(
        self,
        slot: EngineSlot,
        fallback: Fallback,
        clock_ns: Callable[[], int],
        new_id: Callable[[], str],
        sources: Sequence[RuntimeStateSource] = (),
        sinks: Sequence[DecisionSink] = (),
        tracing: Tracing | None = None,
        admission: AdmissionControl | None = None,
        pick: Callable[[LiveEngine, Request], LiveEngine] | None = None,
        identifier: RequestIdentifier | None = None,
        passed_over: Callable[[str, Integration], None] | None = None,
    ) -> None:
        self.slot = slot
        self._fallback = fallback
        self._clock_ns = clock_ns
        self._new_id = new_id
        self._sources = tuple(sources)
        self._sinks = tuple(sinks)
        self._tracing = tracing
        self.admission = admission or AdmissionControl()
        self._pick = pick
        self._identifier = identifier
        self._passed_over = passed_over
        self._decisions = self._fallbacks = 0
        self._failures = FailureLog(clock_ns)

    @property
    def traced(self) -> bool:
        """Tell whether somebody wants to know the caller's trace."""
        return self._tracing is not None

    @property
    def stats(self) -> DecisionStats:
        """Read the counters."""
        return DecisionStats(self._decisions, self._fallbacks, self._failures.contained)

    def identify(self, request: Request, headers: Headers = ()) -> Request:
        """Complete a request that was read from a provider's body, by its session and its program; never raises."""
        if self._identifier is None:
            return request
        try:
            return self._identifier.identify(request, headers)
        except Exception as error:
            self._failures.contain(error)
            return request

    def remember_reply(self, request: Request, reply_id: str) -> None:
        """Remember the provider's id of the reply to a request that `identify` gave; never raises."""
        if self._identifier is not None:
            try:
                self._identifier.remember_reply(request, reply_id)
            except Exception as error:
                self._failures.contain(error)

    def decide(self, request: Request, headers: Headers = ()) -> Decision:
        """Answer one request.

        Parameters
        ----------
        headers
            Of the call: lower-case names and values; those that the policy looks at become part of the state.

        Returns
        -------
        Decision
            With `fallback` set where the engine raised or was late, where its numbers are not finite, or where the
            server is overloaded.

        Raises
        ------
        BadRequest
            The request itself can't be used.
        EveryArmDenied
            The operator's own rules leave no arm: falling back would break them. Nothing else ever.
        """
        return self.decide_recorded(request, headers).decision

    def decide_recorded(self, request: Request, headers: Headers = ()) -> RecordedDecision:
        """Answer one request as `decide` does, and keep what the answer was made from."""
        return self.notify(request, self.answer(request, headers), headers)

    def answer(self, request: Request, headers: Headers = ()) -> RecordedDecision:
        """Answer one request and tell nobody: the caller owes a `notify`, once the answer is on its way.

        Raises
        ------
        BadRequest, EveryArmDenied
            As `decide` does; then nothing is owed.
        """
        live = self.slot.live
        if self._pick is not None:
            live = self._pick(live, request)
        started_ns = self._clock_ns()
        runtime_state = NEUTRAL
        try:
            runtime_state = self._runtime_state(live, request, headers)
            why = self.admission.why_not(started_ns)
            if why is None:
                decided = live.decider.decide_recorded(request, runtime_state)
                require_finite(decided.decision)
                if not self.admission.is_late(started_ns, self._clock_ns()):
                    return decided
                why = SLOW
        except (BadRequest, EveryArmDenied):
            raise
        except Exception as error:
            self._failures.log(error)
            why = "the model could not answer"
        return self._answer_instead(live, request, runtime_state, started_ns, why)

    def fall_back(self, request: Request, why: str, headers: Headers = ()) -> Decision:
        """Answer without the model, marked: for a caller whose time is up.

        Parameters
        ----------
        headers
            As in `decide`.

        Raises
        ------
        EveryArmDenied
            The operator's own rules leave no arm.
        """
        live, started_ns = self.slot.live, self._clock_ns()
        runtime_state = self._runtime_state(live, request, headers)
        return self.notify(
            request, self._answer_instead(live, request, runtime_state, started_ns, why), headers
        ).decision

    def notify(
        self, request: Request, decided: RecordedDecision, headers: Headers = (), applied: Applied | None = None
    ) -> RecordedDecision:
        """Count a decision and notify all sinks; never raises.

        Parameters
        ----------
        applied
            What became of the decision in the call; None where only the caller knows.
        """
        if applied is not None:
            decided = dataclasses.replace(decided, applied=applied)
        self._decisions += 1
        if decided.decision.fallback is not None:
            self._fallbacks += 1
        for sink in self._sinks:
            try:
                sink.decided(request, decided)
            except Exception as error:
                self._failures.contain(error)
        if self._tracing is not None:
            try:
                self._tracing.decided(headers, decided.decision)
            except Exception as error:
                self._failures.contain(error)
        return decided

    def pass_over(self, reason: str, integration: Integration) -> None:
        """Count a call that goes on without a decision; never raises.

        Parameters
        ----------
        reason
            `not_a_chat`, `body_unread`, `model_of_no_arm` or `refused`.
        """
        if self._passed_over is not None:
            try:
                self._passed_over(reason, integration)
            except Exception as error:
                self._failures.contain(error)

    def _runtime_state(self, live: LiveEngine, request: Request, headers: Headers) -> RuntimeState:
        wanted = _wanted(live.headers, headers) if live.headers else {}
        runtime_state = RuntimeState(headers=wanted) if wanted else NEUTRAL
        for source in self._sources:
            try:
                runtime_state = combine_states(runtime_state, source.runtime_state(request, wanted))
            except Exception as error:
                self._failures.contain(error)
        return runtime_state

    def _answer_instead(
        self, live: LiveEngine, request: Request, runtime_state: RuntimeState, started_ns: int, why: str
    ) -> RecordedDecision:
        # No draw: a decision that nobody computed teaches nothing.
        runtime_state = dataclasses.replace(runtime_state, explore=False)
        if self._fallback == "prior" and live.prior is not None:
            try:
                return _as_prior(live.prior.decide_recorded(request, runtime_state), live.bundle_id)
            except EveryArmDenied:
                raise
            except Exception as error:
                self._failures.log(error)
        kind: Fallback = "reason" if self._fallback == "reason" else "baseline"
        try:
            chosen = choose_fallback(live, request, runtime_state, kind)
        except EveryArmDenied:
            raise
        except Exception as error:
            self._failures.log(error)
            chosen = choose_fallback(dataclasses.replace(live, bound_policy=None), request, runtime_state, kind)
        decision = Decision(
            decision_id=self._new_id(),
            arm=chosen.arm.name,
            model=chosen.arm.model,
            effort=chosen.effort,
            bucket="maybe",
            propensity=1.0,
            reason=f"{why}: fallback {kind}{_OVERRIDDEN.get(chosen.because, '')}",
            estimates={},
            caps=chosen.caps,
            support=0.0,
            fallback=kind,
            bundle_id=live.bundle_id,
            policy=live.policy,
            elapsed_us=(self._clock_ns() - started_ns) // 1000,
        )
        return RecordedDecision(decision, None, arm=chosen.arm)


def _wanted(names: frozenset[str], headers: Headers) -> Mapping[str, str]:
    found = {name.decode("latin-1"): value[:_MAX_HEADER].decode("latin-1") for name, value in headers}
    return {name: value for name, value in found.items() if name in names}


def _as_prior(decided: RecordedDecision, bundle_id: str) -> RecordedDecision:
    """Mark an answer of the prior as a fallback of the bundle that should have answered."""
    require_finite(decided.decision)
    decision = dataclasses.replace(decided.decision, fallback="prior", bundle_id=bundle_id)
    record = None if decided.record is None else dataclasses.replace(decided.record, bundle_id=bundle_id)
    return dataclasses.replace(decided, decision=decision, record=record)
