"""What each reasoning switch looks like on the wire: one row per switch, endpoint format and effort.

Each form stands in two independent sources, or in the maker's own reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from serving.decision.providers.capabilities import Capability, Switch
from serving.decision.providers.endpoints import Api
from serving.decision.types import Effort

ON_OFF: tuple[Effort, ...] = ("none", "high")
GRADED: tuple[Effort, ...] = ("none", "low", "medium", "high")


@dataclass(frozen=True)
class Recipe:
    """A body that got an effort.

    Parameters
    ----------
    more
        Further fields of the capability.
    body
        As the client sent it, without messages.
    expect
        What it became.
    """

    switch: Switch
    api: Api
    effort: Effort
    expect: dict[str, Any]
    efforts: tuple[Effort, ...] = GRADED
    body: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def capability(self) -> Capability:
        """The capability that the recipe writes for."""
        return Capability(**{"family": "some-model", "switch": self.switch, "efforts": self.efforts, **self.more})


FIELDS = "additionalModelRequestFields"
BUDGETS = {"budgets": (1024, 32_000)}
RECIPES = (
    # OpenAI, and who took its word over
    Recipe("openai_effort", "chat", "low", {"reasoning_effort": "low"}),
    Recipe("openai_effort", "chat", "none", {"reasoning_effort": "none"}),
    Recipe("openai_effort", "responses", "low", {"reasoning": {"effort": "low"}}),
    Recipe("openai_effort", "converse", "low", {FIELDS: {"reasoning_effort": "low"}}),
    Recipe("oss_effort", "chat", "high", {"reasoning_effort": "high", "max_tokens": 9}, body={"max_tokens": 9}),
    Recipe("oss_effort", "responses", "low", {"reasoning": {"effort": "low"}}),
    Recipe("oss_effort", "converse", "high", {FIELDS: {"reasoning_effort": "high"}}),
    Recipe("plain_effort", "chat", "high", {"reasoning_effort": "high"}),  # Mistral, Kimi K3, Cerebras
    Recipe("plain_effort", "chat", "none", {"reasoning_effort": "none"}),
    Recipe("plain_effort", "responses", "low", {"reasoning": {"effort": "low"}}),  # Grok
    Recipe("plain_effort", "converse", "low", {FIELDS: {"reasoning_effort": "low"}}),
    Recipe("groq_effort", "chat", "high", {"reasoning_effort": "default"}, ON_OFF),
    Recipe("groq_effort", "chat", "none", {"reasoning_effort": "none"}, ON_OFF),
    # hosts that translate one form for every model
    Recipe("reasoning_object", "openrouter", "high", {"reasoning": {"effort": "high"}}),
    Recipe("reasoning_object", "openrouter", "none", {"reasoning": {"enabled": False}}),
    Recipe("reasoning_object", "chat", "none", {"reasoning": {"effort": "none"}}, more={"off_word": "none"}),
    Recipe("reasoning_object", "chat", "low", {"reasoning": {"effort": "low"}}, body={"reasoning_effort": "high"}),
    Recipe("reasoning_object", "responses", "low", {"reasoning": {"effort": "low"}}),
    Recipe(
        "reasoning_object", "messages", "low", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    ),
    Recipe(
        "reasoning_object", "messages", "high", {"thinking": {"type": "enabled", "budget_tokens": 16_384}}, ON_OFF,
        more=BUDGETS,
    ),
    Recipe("reasoning_object", "messages", "none", {"thinking": {"type": "disabled"}}),
    # Claude, at its own endpoint, at chat completions and at Bedrock
    Recipe("anthropic_budget", "messages", "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}},
           more=BUDGETS),
    Recipe("anthropic_budget", "messages", "none", {}, body={"thinking": {"type": "adaptive"}}, more=BUDGETS),
    Recipe(
        "anthropic_budget", "chat", "low",
        {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 3072},
        body={"max_tokens": 500, "reasoning_effort": "high"}, more=BUDGETS,
    ),
    Recipe(
        "anthropic_budget", "converse", "low",
        {FIELDS: {"thinking": {"type": "enabled", "budget_tokens": 2048}}, "inferenceConfig": {"maxTokens": 3072}},
        body={"inferenceConfig": {"maxTokens": 500}}, more=BUDGETS,
    ),
    Recipe("anthropic_budget", "converse", "none", {}, body={FIELDS: {"thinking": {"type": "enabled"}}}, more=BUDGETS),
    Recipe(
        "anthropic_adaptive", "messages", "low", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    ),
    Recipe("anthropic_adaptive", "messages", "none", {"thinking": {"type": "between_tools"}},
           more={"off_word": "between_tools"}),
    Recipe("anthropic_adaptive", "chat", "high", {"thinking": {"type": "adaptive"}}, ON_OFF),
    Recipe("anthropic_adaptive", "chat", "none", {"thinking": {"type": "disabled"}}, ON_OFF),
    Recipe(
        "anthropic_adaptive", "converse", "low",
        {FIELDS: {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}},
    ),
    Recipe("bedrock", "converse", "high", {FIELDS: {"thinking": {"type": "enabled", "budget_tokens": 16_384}}},
           more=BUDGETS),
    Recipe("bedrock", "converse", "none", {FIELDS: {"thinking": {"type": "disabled"}}}),
    Recipe(
        "bedrock", "converse", "low", {FIELDS: {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}},
        more={"family": "nova2-lite"},
    ),
    Recipe("bedrock", "converse", "none", {FIELDS: {"reasoningConfig": {"type": "disabled"}}},
           more={"family": "nova2-lite"}),
    # Gemini, at its own endpoint and at Google's chat completions
    Recipe("gemini_budget", "gemini", "low", {"generationConfig": {"thinkingConfig": {"thinkingBudget": 2048}}}),
    Recipe("gemini_budget", "gemini", "none", {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}),
    Recipe("gemini_level", "gemini", "low", {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}}),
    Recipe("gemini_budget", "chat", "none", {"reasoning_effort": "none"}),
    Recipe(
        "gemini_level", "chat", "low", {"reasoning_effort": "low"},
        body={"extra_body": {"google": {"thinking_config": {"thinking_level": "high"}}}},
    ),
    # switches that go on or off, some with an amount
    Recipe("enable_thinking", "chat", "high", {"enable_thinking": True}, ON_OFF),
    Recipe("enable_thinking", "chat", "high", {"enable_thinking": True, "thinking_budget": 16_384}, more=BUDGETS),
    Recipe("enable_thinking", "chat", "none", {"enable_thinking": False}, body={"thinking_budget": 9}),
    Recipe("thinking_type", "chat", "high", {"thinking": {"type": "enabled"}}, ON_OFF),  # GLM 4.6, Kimi K2
    Recipe("thinking_type", "chat", "high", {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),  # DeepSeek
    Recipe("thinking_type", "chat", "none", {"thinking": {"type": "disabled"}}, body={"reasoning_effort": "max"}),
    Recipe("thinking_type", "messages", "high", {"thinking": {"type": "enabled", "budget_tokens": 16_384}}, ON_OFF),
    Recipe(
        "thinking_type", "messages", "low",
        {"thinking": {"type": "enabled", "budget_tokens": 2048}, "output_config": {"effort": "low"}},
    ),
    Recipe("thinking_type", "messages", "none", {"thinking": {"type": "disabled"}}, ON_OFF,
           body={"output_config": {"effort": "high"}}),
    Recipe("thinking_adaptive", "chat", "high", {"thinking": {"type": "adaptive"}}, ON_OFF),  # MiniMax M3
    Recipe("thinking_adaptive", "chat", "none", {"thinking": {"type": "disabled"}}, ON_OFF,
           body={"reasoning_effort": "low"}),
    Recipe("thinking_adaptive", "messages", "high", {"thinking": {"type": "adaptive"}}, ON_OFF,
           body={"thinking": {"type": "enabled", "budget_tokens": 2048}}),
    Recipe("thinking_adaptive", "messages", "none", {"thinking": {"type": "disabled"}}, ON_OFF),
    Recipe("thinking_type", "cohere", "high", {"thinking": {"type": "enabled"}}, ON_OFF),
    Recipe("plain_effort", "cohere", "low", {"thinking": {"type": "enabled", "token_budget": 2048}}, more=BUDGETS),
    Recipe("plain_effort", "cohere", "none", {"thinking": {"type": "disabled"}}, ON_OFF),
    Recipe("reasoning_enabled", "chat", "high", {"reasoning": {"enabled": True}}, ON_OFF),
    Recipe("reasoning_enabled", "chat", "low", {"reasoning": {"enabled": True}, "reasoning_effort": "low"}),
    Recipe("reasoning_enabled", "chat", "none", {"reasoning": {"enabled": False}}, ON_OFF),
    Recipe("template_enable_thinking", "chat", "high", {"chat_template_kwargs": {"enable_thinking": True}}, ON_OFF),
    Recipe("template_enable_thinking", "chat", "none", {"chat_template_kwargs": {"enable_thinking": False}}, ON_OFF),
    Recipe("template_thinking", "chat", "high", {"chat_template_kwargs": {"thinking": True}}, ON_OFF),
    Recipe("template_thinking", "chat", "none", {}, ON_OFF, body={"chat_template_kwargs": {"thinking": True}}),
    Recipe("template_thinking", "chat", "none", {"chat_template_kwargs": {"thinking": False}}, ON_OFF,
           more={"default": "on"}),
    Recipe("template_args", "chat", "high", {"chat_template_args": {"enable_thinking": True}}, ON_OFF),
    Recipe("template_args", "chat", "none", {"chat_template_args": {"enable_thinking": False}}, ON_OFF),
)  # fmt: skip
