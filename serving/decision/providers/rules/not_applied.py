"""Reasons why a decision was not applied to a body: every short code of journal and metrics, with its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

ConflictKey = Literal[
    "context_management",
    "frequency_penalty",
    "include",
    "logit_bias",
    "logprobs",
    "messages",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "response_format",
    "service_tier",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "verbosity",
    "web_search_options",
]
"""Settings of a client that some provider refuses beside an effort or on another model; `messages`: a begun answer."""

_CONFLICTS: Final = {
    f"conflict:{key}": f"the provider would refuse the client's `{key}` beside what was decided"
    for key in get_args(ConflictKey)
}
NOT_APPLIED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client": "the client stated an effort itself, and it stands",
        "tool_loop": "a tool loop is open: the mode stays as it is until the model has answered",
        "no_switch": "the model has no reasoning switch at this endpoint",
        "unknown_model": "nothing is known of the model: no parameter is sent to it",
        "not_a_chat": "the model or the body is for images, speech, embeddings or live sessions",
        "history": "the conversation's history lacks what reasoning needs, or holds what only its own model reads",
        "limit": "the client's limit on output tokens leaves no room to think: a label or a title is wanted",
        "not_deployed": "no model group of the LiteLLM proxy serves the decided model, or the caller may not use it",
        "mixed_group": "the deployments of the model group take different parameters",
        "no_words": "the gateway (LiteLLM, Portkey, Plano) has no words for this effort here, or refuses or drops them",
        **_CONFLICTS,
    }
)
"""Code and meaning. The code is `Rewrite.not_applied`; a sentence for people stands in `Rewrite.note`."""
