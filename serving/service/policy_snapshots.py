"""Keeps the terms of every decision that is journalled: at hand in memory, and once per version in the journal."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from serving.decision.engine import Engine, RecordedDecision
from serving.decision.errors import BadInput
from serving.decision.policy.bound_policy import BoundPolicy
from serving.decision.types import Request
from serving.journal.policy_snapshot import PolicySnapshotRow, bind_snapshot, snapshot_policy
from serving.journal.store import Store
from serving.model.slot import EngineSlot

logger = logging.getLogger("thinkgate.terms")

_PAUSES: Final = (0.2, 1.0, 5.0, 15.0, 60.0)
_REMEMBERED: Final = 64


class PolicySnapshots:
    """A `DecisionSink` that costs one look into a set per decision.

    Parameters
    ----------
    slot
        Where the live terms are.
    store
        Where they are written, in a thread of its own; it need not be up.
    pause
        Seconds to wait between two tries.
    """

    def __init__(self, slot: EngineSlot, store: Store, pause: Callable[[float], None] = time.sleep) -> None:
        self._slot, self._store, self._pause = slot, store, pause
        self._taken: set[str] = set()
        self._known: OrderedDict[str, BoundPolicy] = OrderedDict()

    def decided(self, request: Request, decided: RecordedDecision) -> None:  # noqa: ARG002
        """Take note of the terms where they are new."""
        if decided.decision.policy in self._taken:
            return
        live = self._slot.live
        engine = live.decider
        if live.policy != decided.decision.policy or not isinstance(engine, Engine):
            return
        self._taken.add(live.policy)
        self._remember(engine.bound_policy)
        row = snapshot_policy(engine.bound_policy, engine.prices)
        threading.Thread(target=self._write, args=(row,), name="terms", daemon=True).start()

    def find(self, version: str) -> BoundPolicy | None:
        """Give terms by version; None where nobody kept them. Reads the journal, so not on the event loop.

        Raises
        ------
        SQLAlchemyError
            The journal is down.
        """
        known = self._known.get(version)
        if known is not None:
            return known
        row = self._store.policy_snapshot(version)
        if row is None:
            return None
        try:
            return self._remember(bind_snapshot(row))
        except BadInput as error:
            logger.warning("%s", error)
            return None

    def _remember(self, bound_policy: BoundPolicy) -> BoundPolicy:
        self._known[bound_policy.version] = bound_policy
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return bound_policy

    def _write(self, row: PolicySnapshotRow) -> None:
        for seconds in (0.0, *_PAUSES):
            self._pause(seconds)
            try:
                self._store.save_policy_snapshot(row)
                return
            except SQLAlchemyError as error:
                reason = type(error).__name__
        logger.error(
            "the journal does not take the terms %s (%s); tried again with the next decision", row.version, reason
        )
        self._taken.discard(row.version)
