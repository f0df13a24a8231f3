"""Policy snapshots of journalled decisions: once per version in the journal, the newest also in memory."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from serving.decision import BadInput, Engine, RecordedDecision, Request
from serving.decision.policy import BoundPolicy
from serving.journal import PolicySnapshotRow, Store, bind_snapshot, snapshot_policy
from serving.model import EngineSlot

logger = logging.getLogger("thinkgate.terms")

_RETRY_PAUSES_S: Final = (0.2, 1.0, 5.0, 15.0, 60.0)
_MAX_CACHED: Final = 64


class PolicySnapshots:
    """A `DecisionSink` that stores the policy of each new version; costs one set lookup per decision.

    Parameters
    ----------
    slot
        Holds the live policy.
    store
        Where snapshots are written, in a thread of its own; it need not be up.
    pause
        Waits the given seconds between two attempts.
    """

    def __init__(self, slot: EngineSlot, store: Store, pause: Callable[[float], None] = time.sleep) -> None:
        self._slot, self._store, self._pause = slot, store, pause
        self._stored: set[str] = set()
        self._cached: OrderedDict[str, BoundPolicy] = OrderedDict()

    def decided(self, request: Request, decided: RecordedDecision) -> None:  # noqa: ARG002
        """Store the snapshot of a policy version that is new."""
        if decided.decision.policy in self._stored:
            return
        live = self._slot.live
        engine = live.decider
        if live.policy != decided.decision.policy or not isinstance(engine, Engine):
            return
        self._stored.add(live.policy)
        self._cache(engine.bound_policy)
        row = snapshot_policy(engine.bound_policy, engine.prices)
        threading.Thread(target=self._write, args=(row,), name="policy-snapshot", daemon=True).start()

    def find(self, version: str) -> BoundPolicy | None:
        """Return the policy of a version, or None where it is not stored. Reads the journal, so not on the event loop.

        Raises
        ------
        SQLAlchemyError
            The journal is down.
        """
        cached = self._cached.get(version)
        if cached is not None:
            return cached
        row = self._store.policy_snapshot(version)
        if row is None:
            return None
        try:
            return self._cache(bind_snapshot(row))
        except BadInput as error:
            logger.warning("%s", error)
            return None

    def _cache(self, bound_policy: BoundPolicy) -> BoundPolicy:
        self._cached[bound_policy.version] = bound_policy
        if len(self._cached) > _MAX_CACHED:
            self._cached.popitem(last=False)
        return bound_policy

    def _write(self, row: PolicySnapshotRow) -> None:
        for seconds in (0.0, *_RETRY_PAUSES_S):
            self._pause(seconds)
            try:
                self._store.save_policy_snapshot(row)
                return
            except SQLAlchemyError as error:
                reason = type(error).__name__
        logger.error(
            "the journal does not store the policy snapshot %s (%s); retried with the next decision",
            row.version,
            reason,
        )
        self._stored.discard(row.version)
