"""One effort to write for one model, and what all writers share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serving.decision.providers.capabilities import BUDGET_TOKENS, Capability
from serving.decision.providers.json_patch import Body
from serving.decision.types import Effort

ANSWER_TOKENS = 1024
"""Tokens reserved for the answer itself."""


@dataclass(frozen=True, slots=True)
class EffortChange:
    """The effort to write for one model.

    Parameters
    ----------
    effort
        One of `capability.efforts`.
    max_budget_tokens
        Cap on the thinking budget; None for no cap.
    is_explicit
        The client set it: `none` is then written out even where omitting the switch would do, so that the result still
        states the client's choice.
    keeps_limit
        The client's limit on output tokens stays as it is: a label or a title is wanted.
    """

    capability: Capability
    effort: Effort
    max_budget_tokens: int | None
    is_explicit: bool = False
    keeps_limit: bool = False

    @property
    def budget(self) -> int:
        """Thinking budget in tokens, within the range of the model and the policy's cap."""
        low, high = self.capability.budgets
        wanted = BUDGET_TOKENS[self.effort]
        if self.max_budget_tokens is not None:
            wanted = min(wanted, self.max_budget_tokens)
        return max(low, min(wanted, high)) if high else wanted

    @property
    def is_on(self) -> bool:
        """Whether reasoning is asked for."""
        return self.effort != "none"

    @property
    def is_graded(self) -> bool:
        """Whether the model has more than one effort to choose from while it reasons."""
        return len([effort for effort in self.capability.efforts if effort != "none"]) > 1


Writer = Callable[[Body, EffortChange], None]


def child_object(body: Body, *names: str) -> Body:
    """Give the object under the first of `names` that is there; a new one under the first name where none is."""
    name = next((name for name in names if isinstance(body.get(name), dict)), names[0])
    found = body.get(name)
    if not isinstance(found, dict):
        found = {}
        body[name] = found
    return found


def drop_member(body: Body, parent: str, *keys: str) -> None:
    """Remove members of an object, and the object where nothing is left of it."""
    child = body.get(parent)
    if isinstance(child, dict):
        for key in keys:
            child.pop(key, None)
        if not child:
            del body[parent]


def raise_output_limit(body: Body, change: EffortChange, *names: str) -> int | None:
    """Raise the client's limit on output tokens by the thinking budget, where it leaves no room for an answer.

    Returns
    -------
    int or None
        The limit in effect; None where the client set none.
    """
    for name in names:
        limit = body.get(name)
        if not isinstance(limit, int) or isinstance(limit, bool):
            continue
        if not change.is_on or change.keeps_limit or limit <= 0 or limit >= change.budget + ANSWER_TOKENS:
            return limit
        # Never below the client's limit, nor above the model's maximum.
        raised = max(limit, min(change.budget + max(limit, ANSWER_TOKENS), change.capability.output_tokens))
        body[name] = raised
        return raised
    return None
