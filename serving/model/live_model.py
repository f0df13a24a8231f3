"""The live model: one proven model and one policy, each replaced as a whole, and the previous model for rollbacks.

The two change apart from each other: a roll back brings the old model back under the policy that holds now.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace

from serving.decision import BadInput, BundleRefused
from serving.decision.policy import Policy, PolicySource, parse_policy
from serving.model.prepared_model import PreparedModel, warm_up
from serving.model.rollback_notice import RollbackNotice
from serving.model.slot import EngineSlot, LiveEngine

logger = logging.getLogger("thinkgate.live_model")

_WARM_SECONDS = 0.05


class RolledBack(BundleRefused):
    """A bundle that an admin went back from; it does not come back by itself."""


@dataclass(frozen=True, slots=True)
class LiveModelStats:
    """Counts since the start.

    Parameters
    ----------
    swaps
        Models that went live, roll backs aside.
    rollbacks
        Ways back.
    policy_swaps, policies_refused
        Policies that went live, and files that could not.
    """

    swaps: int = 0
    rollbacks: int = 0
    policy_swaps: int = 0
    policies_refused: int = 0


class LiveModel:
    """Writes the slot; safe to call from any thread.

    Parameters
    ----------
    ground
        The first model, proven.
    source
        The policy's file; None for the default policy.

    Raises
    ------
    BadPolicy
        The policy does not fit the model's arms.
    """

    def __init__(self, ground: PreparedModel, source: PolicySource | None) -> None:
        self._ground = ground
        self._before: PreparedModel | None = None
        self._source = source
        self._policy = Policy() if source is None else source.live
        self._writing = threading.Lock()
        self._reported = self._left = ""
        self._stats = LiveModelStats()
        self.slot = EngineSlot(ground.live(self._policy))

    @property
    def policy(self) -> Policy:
        """The policy that holds."""
        return self._policy

    @property
    def stats(self) -> LiveModelStats:
        """Read the counters."""
        return self._stats

    def renew(self, ground: PreparedModel) -> LiveEngine:
        """Serve another model from now on, and keep the one before.

        Raises
        ------
        BadPolicy
            The policy that holds does not fit its arms; nothing changed.
        RolledBack
            An admin went back from this very bundle; nothing changed.
        """
        warm_up(ground.live(self._policy), _WARM_SECONDS)  # before the lock, for which the event loop may wait
        with self._writing:
            if ground.model.bundle_id == self._left:
                raise RolledBack(f"bundle {self._left} was rolled back: roll back once more to serve it again")
            if self._policy.text:
                parse_policy(self._policy.text, "policy", ground.arms)
            live = ground.live(self._policy)
            self._before, self._ground = self._ground, ground
            self._stats = replace(self._stats, swaps=self._stats.swaps + 1)
            self.slot.swap(live)
            return live

    def roll_back(self) -> LiveEngine | None:
        """Serve the model before this one; a second call undoes the first.

        Returns
        -------
        Live or None
            What serves from now on; None, and nothing changes, where no model was replaced yet.
        """
        with self._writing:
            if self._before is None:
                return None
            live = self._before.live(self._policy)
            self._left = self._ground.model.bundle_id
            self._before, self._ground = self._ground, self._before
            self._stats = replace(self._stats, rollbacks=self._stats.rollbacks + 1)
            self.slot.swap(live)
            return live

    def apply_rollback(self, notice: RollbackNotice) -> None:
        """Follow a roll back that another worker was told of."""
        self._left = notice.left
        if self.slot.live.bundle_id == notice.chosen:
            return
        before = self._before
        if before is not None and before.model.bundle_id == notice.chosen:
            self.roll_back()
            self._left = notice.left
            return
        logger.error("bundle %s is to be served again, and this worker never had it", notice.chosen)

    def refresh_policy(self) -> None:
        """Look at the policy's file once; a bad one is reported once and changes nothing."""
        if self._source is None:
            return
        try:
            if self._source.refresh():
                self._lay(self._source.live)
            self._reported = ""
        except BadInput as error:
            if str(error) != self._reported:
                self._reported = str(error)
                self._stats = replace(self._stats, policies_refused=self._stats.policies_refused + 1)
                logger.error("the policy that was live stays live: %s", error)

    def _lay(self, policy: Policy) -> None:
        with self._writing:
            if policy.text:
                parse_policy(policy.text, "policy", self._ground.arms)  # its names, against the model that is live now
            live = self._ground.live(policy)
            self._policy = policy
            self._stats = replace(self._stats, policy_swaps=self._stats.policy_swaps + 1)
            self.slot.swap(live)
        logger.info("policy %s is live", live.policy)
