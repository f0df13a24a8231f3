"""Engine slot: holds the live engine behind one reference, so that readers never lock and never see half a swap."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from serving.decision import Arm, RecordedDecision, Request
from serving.decision.policy import BoundPolicy
from serving.decision.selection import NEUTRAL, RuntimeState


class Decider(Protocol):
    """Anything that answers a request: the engine over a bundle, the engine over the prior, a fake in a test."""

    def decide_recorded(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> RecordedDecision:
        """Decide one request at a runtime state, and keep what the answer was made from."""
        ...


@dataclass(frozen=True, slots=True)
class LiveEngine:
    """Everything that one answer may be made from; swapped as a whole.

    Parameters
    ----------
    decider
        What answers.
    arms
        K arms, the first is the baseline.
    bundle_id
        Names the model in every answer.
    policy
        Names the policy in every answer.
    headers
        Lower-case names of the HTTP headers that the policy's rules look at; no other is ever read.
    cold_start
        True while the prior answers for want of a trained bundle.
    facts
        What `GET /v1/model` tells beside that, ready for JSON.
    prior
        Prior knowledge of the same arms under the same policy, for the fallback `prior`.
    bound_policy
        Arms, policy and prices as the decider reads them, for the runtime controls.
    hidden_share
        By arm: share of its output tokens that was hidden in the history; arms of which that is not known are left out.
    """

    decider: Decider
    arms: tuple[Arm, ...]
    bundle_id: str
    policy: str
    headers: frozenset[str] = frozenset()
    cold_start: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)
    prior: Decider | None = None
    bound_policy: BoundPolicy | None = None
    hidden_share: Mapping[str, float] = field(default_factory=dict)


class EngineSlot:
    """One immutable `LiveEngine` behind one reference.

    Taking `live` is a single attribute read, so a reader that keeps what it took works with one engine from its
    first line to its last. Writers queue behind a lock.

    Parameters
    ----------
    live
        The first engine to serve.
    """

    __slots__ = ("_live", "_writing")

    def __init__(self, live: LiveEngine) -> None:
        self._live = live
        self._writing = threading.Lock()

    @property
    def live(self) -> LiveEngine:
        """Give what serves now; take it once per request."""
        return self._live

    def swap(self, live: LiveEngine) -> LiveEngine:
        """Serve `live` from now on.

        Returns
        -------
        Live
            What served until now; requests that took it finish with it.
        """
        with self._writing:
            before, self._live = self._live, live
            return before
