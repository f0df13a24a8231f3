"""Capability table: how each model family's reasoning is controlled, and which efforts it accepts.

The first matching row counts; sources are the providers' own API references, checked 2026-11. A model without a row
accepts no reasoning parameter at all: nothing unknown is ever sent to a strict endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from serving.decision.types import EFFORTS, Effort

Switch = Literal[
    "openai_effort",  # reasoning_effort / reasoning.effort
    "oss_effort",  # the same for GPT-OSS behind a server of its own: no limit is ever raised
    "anthropic_budget",  # thinking: {type: enabled, budget_tokens}
    "anthropic_adaptive",  # thinking: {type: adaptive} + output_config.effort
    "gemini_budget",  # thinkingConfig.thinkingBudget
    "gemini_level",  # thinkingConfig.thinkingLevel
    "template_enable_thinking",  # chat_template_kwargs.enable_thinking
    "template_thinking",  # chat_template_kwargs.thinking
    "thinking_type",  # thinking: {type: enabled | disabled}
    "fixed",  # takes no parameter
]


BUDGET_TOKENS: Mapping[Effort, int] = MappingProxyType(
    {"none": 0, "minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576, "max": 32_768}
)
"""Thinking budget in tokens of each effort, for providers that take a budget."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What one model family accepts.

    Parameters
    ----------
    switch
        How its reasoning is controlled.
    efforts
        Accepted efforts, ascending; the first is the floor. `none` first means that reasoning can be switched off.
    budgets
        Smallest and largest thinking budget in tokens, for budget switches.
    output_tokens
        Most tokens of one answer, hidden ones included: no limit is raised above it.
    """

    family: str
    switch: Switch
    efforts: tuple[Effort, ...]
    budgets: tuple[int, int] = (0, 0)
    output_tokens: int = 64_000

    def clamp(self, effort: Effort) -> Effort:
        """Give the nearest effort that the model accepts: the highest one not above `effort`, else the floor.

        >>> find_capability("gpt-5-mini").clamp("none"), find_capability("o3").clamp("xhigh")
        ('minimal', 'high')
        """
        wanted = EFFORTS.index(effort)
        below = [known for known in self.efforts if EFFORTS.index(known) <= wanted]
        if not below:
            return self.efforts[0]
        nearest = below[-1]
        # Thinking was asked for: do not fall to 'none' when the model has something above it.
        return self.efforts[1] if nearest == "none" and effort != "none" and len(self.efforts) > 1 else nearest


_LMH: tuple[Effort, ...] = ("low", "medium", "high")
_NONE_TO_HIGH: tuple[Effort, ...] = ("none", "low", "medium", "high")
_ON_OFF: tuple[Effort, ...] = ("none", "high")

UNKNOWN = Capability("unknown", "fixed", ("none",))

_OPENAI_TEXT = r"(?:^|/)"
_TABLE: tuple[tuple[str, Capability], ...] = (
    (r"gpt-oss", Capability("gpt-oss", "oss_effort", _LMH)),
    (_OPENAI_TEXT + r"gpt-5(?:\.\d+)?-chat", Capability("gpt-5-chat", "fixed", ("none",))),
    (_OPENAI_TEXT + r"gpt-5(?:\.\d+)?-pro", Capability("gpt-5-pro", "openai_effort", ("high",))),
    (_OPENAI_TEXT + r"gpt-5\.1-codex-max", Capability("gpt-5.1-codex-max", "openai_effort", (*_LMH, "xhigh"))),
    (_OPENAI_TEXT + r"gpt-5(?:\.\d+)?-codex", Capability("gpt-5-codex", "openai_effort", _LMH)),
    (_OPENAI_TEXT + r"gpt-5\.1", Capability("gpt-5.1", "openai_effort", _NONE_TO_HIGH)),
    (_OPENAI_TEXT + r"gpt-5\.[2-9]", Capability("gpt-5.2+", "openai_effort", (*_NONE_TO_HIGH, "xhigh"))),
    (_OPENAI_TEXT + r"gpt-5(?![\d.])", Capability("gpt-5", "openai_effort", ("minimal", *_LMH))),
    (_OPENAI_TEXT + r"o1-(?:mini|preview)", Capability("o1-mini", "fixed", ("high",))),
    (_OPENAI_TEXT + r"o[134](?:-|$)", Capability("o-series", "openai_effort", _LMH)),
    (
        r"claude-(?:opus|sonnet|haiku)-4[-.](?:[6-9])(?!\d)|claude-(?:opus|sonnet|haiku)-[5-9](?!\d)",
        Capability("claude-4.6+", "anthropic_adaptive", (*_NONE_TO_HIGH, "max")),
    ),
    (
        r"claude-opus-4(?:[-.][01])?(?!\d|[-.]\d(?!\d))",
        Capability("claude-opus-4", "anthropic_budget", _NONE_TO_HIGH, (1024, 30_000), 32_000),
    ),
    (
        r"claude-3[-.]7|claude-(?:opus|sonnet|haiku)-4(?!\d)",
        Capability("claude-3.7-4.5", "anthropic_budget", _NONE_TO_HIGH, (1024, 64_000)),
    ),
    (r"gemini-2\.5-pro", Capability("gemini-2.5-pro", "gemini_budget", _LMH, (128, 32_768))),
    (r"gemini-2\.5-flash-lite", Capability("gemini-2.5-flash-lite", "gemini_budget", _NONE_TO_HIGH, (512, 24_576))),
    (r"gemini-2\.5-flash", Capability("gemini-2.5-flash", "gemini_budget", _NONE_TO_HIGH, (1, 24_576))),
    (r"gemini-3[\w.]*-flash", Capability("gemini-3-flash", "gemini_level", ("minimal", *_LMH))),
    (r"gemini-3", Capability("gemini-3-pro", "gemini_level", ("low", "high"))),
    (r"qwen-?3(?!.*(?:thinking|instruct)-2507)", Capability("qwen3", "template_enable_thinking", _ON_OFF)),
    (r"deepseek-ai/deepseek-v3\.[12]", Capability("deepseek-v3.1", "template_thinking", _ON_OFF)),
    (r"granite-(?:3\.[23]|[4-9])", Capability("granite", "template_thinking", _ON_OFF)),
    (r"^(?:deepseek/)?deepseek-(?:chat|v3\.[12]|v4)", Capability("deepseek-api", "thinking_type", _ON_OFF)),
    (r"deepseek-(?:reasoner|r1)", Capability("deepseek-r1", "fixed", ("high",))),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), row) for pattern, row in _TABLE)


@lru_cache(maxsize=4096)
def find_capability(model: str) -> Capability:
    """Look up a model's capability; provider prefixes such as `openai/` or `bedrock/anthropic.` do not matter.

    Examples
    --------
    >>> find_capability("openai/gpt-5.1").efforts
    ('none', 'low', 'medium', 'high')
    >>> find_capability("anthropic.claude-sonnet-4-5-20250929-v1:0").switch
    'anthropic_budget'
    >>> find_capability("gpt-4o").switch
    'fixed'
    """
    for pattern, row in _COMPILED:
        if pattern.search(model):
            return row
    return UNKNOWN
