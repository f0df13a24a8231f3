"""Shadow: a second bundle decides beside the live one, off the hot path; journalled, never served, shed under load."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from serving.decision import Engine, RecordedDecision, Request, ThinkgateError
from serving.decision.policy import Policy
from serving.journal import DecisionDraft, Journal, StorePrompts
from serving.model.prepared_model import PreparedModel

logger = logging.getLogger("thinkgate.shadow")

_QUEUED: Final = 128
_SHARE: Final = 0.2
"""Most of one core's time that the shadow takes: the interpreter is needed elsewhere."""
_LONGEST_REST: Final = 0.05


@dataclass(frozen=True, slots=True)
class ShadowStats:
    """Counts since the start.

    Parameters
    ----------
    decided
        Requests that the shadow decided too.
    agreed
        Those of them for which it chose the arm that was served.
    shed
        Requests that it left out for want of time.
    failed
        Requests at which it raised.
    """

    decided: int = 0
    agreed: int = 0
    shed: int = 0
    failed: int = 0


class Shadow:
    """A `DecisionSink` in front of the journal: what it decides beside a decision joins that decision's row.

    Parameters
    ----------
    journal
        Gets every decision, with or without the shadow's word.
    privacy
        What of a prompt may be stored.
    policy
        Gives the policy that holds: the shadow decides under the same one.
    timer
        Seconds, monotonic.
    """

    def __init__(
        self,
        journal: Journal,
        privacy: StorePrompts,
        policy: Callable[[], Policy],
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._journal, self._privacy, self._policy, self._timer = journal, privacy, policy, timer
        self._queue: queue.Queue[DecisionDraft | None] = queue.Queue(_QUEUED)
        self._ground: PreparedModel | None = None
        self._engine: Engine | None = None
        self._shed = 0
        self._stats = ShadowStats()
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    @property
    def stats(self) -> ShadowStats:
        """Read the counters."""
        return replace(self._stats, shed=self._shed)

    @property
    def bundle_id(self) -> str | None:
        """Names the shadow's bundle; None until there is one."""
        ground = self._ground
        return None if ground is None else ground.model.bundle_id

    def take(self, ground: PreparedModel) -> None:
        """Decide with another bundle from now on.

        Raises
        ------
        BadPolicy
            The policy does not fit its arms.
        """
        engine = _engine(ground, self._policy())
        self._engine, self._ground = engine, ground

    def decided(self, request: Request, decided: RecordedDecision) -> None:
        """Take note of one decision; leave it to the journal alone where the shadow is busy."""
        draft = DecisionDraft(request, decided, self._privacy)
        if self._ground is None or decided.record is None:
            self._journal.record(draft)
            return
        try:
            self._queue.put_nowait(draft)
        except queue.Full:
            self._shed += 1
            self._journal.record(draft)

    def close(self) -> None:
        """Hand over what is queued, then end; to be called before the journal is closed."""
        self._ground = None
        try:
            self._queue.put(None, timeout=1.0)
        except queue.Full:
            return
        self._thread.join(2.0)

    def _run(self) -> None:
        while (draft := self._queue.get()) is not None:
            started = self._timer()
            self._journal.record(self._beside(draft))
            if self._ground is not None:
                time.sleep(min((self._timer() - started) * (1.0 / _SHARE - 1.0), _LONGEST_REST))

    def _beside(self, draft: DecisionDraft) -> DecisionDraft:
        ground, record = self._ground, draft.decided.record
        if ground is None or record is None:
            return draft
        try:
            # The same draw, session and budget: what differs is the model alone.
            decision = self._current(ground).decide(draft.request, record.runtime_state)
        except Exception as error:
            if not self._stats.failed:
                logger.error("the shadow fails: %s", str(error) if isinstance(error, ThinkgateError) else type(error))
            self._stats = replace(self._stats, failed=self._stats.failed + 1)
            return draft
        agreed = decision.arm == draft.decided.decision.arm
        self._stats = replace(self._stats, decided=self._stats.decided + 1, agreed=self._stats.agreed + agreed)
        return replace(draft, shadow_bundle_id=decision.bundle_id, shadow_arm=decision.arm)

    def _current(self, ground: PreparedModel) -> Engine:
        policy, engine = self._policy(), self._engine
        if engine is None or engine.policy is not policy:
            engine = self._engine = _engine(ground, policy)
        return engine


def _engine(ground: PreparedModel, policy: Policy) -> Engine:
    return Engine(ground.model, policy, ground.prices, prior=ground.prior, arms=ground.arms)
