"""What a body is to become: the model, its capability, the endpoint format and the effort that the rules judge."""

from __future__ import annotations

from dataclasses import dataclass

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.endpoints import Api
from serving.decision.types import Effort


@dataclass(frozen=True, slots=True)
class Target:
    """One body's target.

    Parameters
    ----------
    model
        As the rewritten body names it.
    effort
        The effort that the model would run at, within its capability.
    moves
        The client named another model, so that all of its settings are new to this one.
    alias_of
        The model's usual name, where `model` is a deployment's or a group's.
    """

    capability: Capability
    model: str
    api: Api
    effort: Effort
    moves: bool = False
    alias_of: str = ""

    @property
    def known_as(self) -> str:
        """The name that facts are known by."""
        return self.alias_of or self.model

    @property
    def thinks(self) -> bool:
        """Whether the model would reason at all."""
        return self.effort != "none"
