"""Canary: a second bundle decides a share of the traffic, picked by a keyed hash of session or prompt.

Which requests those are is a keyed hash of the session, or of tenant and prompt: the same conversation is always on the
same side, and no chance is added. A decision carries the id and the propensity of the bundle that made it, which stays
exact: given the request, who decides is certain.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from typing import Final

from serving.decision import BadPolicy, Request
from serving.decision.policy import Policy
from serving.model.prepared_model import PreparedModel, warm_up
from serving.model.slot import LiveEngine

logger = logging.getLogger("thinkgate.canary")

_READ: Final = 2048
"""Characters of the last turn that tell prompts apart."""
_WARM_SECONDS: Final = 0.05


class Canary:
    """Picks who decides a request; until there is a bundle, the live one decides all.

    Parameters
    ----------
    share
        Of the requests, in [0, 1].
    policy
        Gives the policy that holds: the canary decides under the same one.
    key
        So that nobody can choose a side, and that every worker picks alike.
    """

    def __init__(self, share: float, policy: Callable[[], Policy], key: bytes = b"thinkgate.canary") -> None:
        self._below = round(share * 2**64)
        self._policy, self._key = policy, key
        self._writing = threading.Lock()
        self._ground: PreparedModel | None = None
        self._live: LiveEngine | None = None
        self._laid: Policy | None = None

    @property
    def bundle_id(self) -> str | None:
        """Names the canary's bundle; None until there is one."""
        live = self._live
        return None if live is None else live.bundle_id

    def take(self, ground: PreparedModel) -> None:
        """Try another bundle from now on.

        Raises
        ------
        BadPolicy
            The policy does not fit its arms.
        """
        with self._writing:
            policy = self._policy()
            live = ground.live(policy)
            warm_up(live, _WARM_SECONDS)
            self._ground, self._live, self._laid = ground, live, policy

    def look(self) -> None:
        """Follow a policy that changed; until then the live bundle decides all."""
        if self._ground is None or self._laid is self._policy():
            return
        try:
            self.take(self._ground)
        except BadPolicy as error:
            logger.error("the canary rests: %s", error)

    def pick(self, live: LiveEngine, request: Request) -> LiveEngine:
        """Give who decides; cheap, never raises.

        A bundle of other arms, prices or policy than the live one would change what budgets and guards reckon with, so
        it gets no traffic.
        """
        own = self._live
        if own is None or own.bundle_id == live.bundle_id or own.policy != live.policy or own.arms != live.arms:
            return live
        return own if self._place(request) < self._below else live

    def _place(self, request: Request) -> int:
        last = request.messages[-1].text[-_READ:] if request.messages else ""
        named = request.session_id or f"{request.tenant}\0{last}"
        digest = hashlib.blake2b(named.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big")
