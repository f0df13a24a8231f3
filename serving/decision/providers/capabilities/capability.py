"""Capability: how one model's reasoning is controlled at one host, and what it accepts beside it.

What is not known is not claimed: an effort that no source vouches for is not in `efforts`, and `none` is there only
where reasoning is known to be switchable. Nothing unknown is ever sent to a strict endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from serving.decision.types import EFFORTS, Effort, ReasoningSwitch

Switch = Literal[
    "openai_effort",  # reasoning_effort / reasoning.effort
    "oss_effort",  # the same for GPT-OSS behind a server of its own: no limit is ever raised
    "anthropic_budget",  # thinking: {type: enabled, budget_tokens}
    "anthropic_adaptive",  # thinking: {type: adaptive} + output_config.effort
    "gemini_budget",  # thinkingConfig.thinkingBudget
    "gemini_level",  # thinkingConfig.thinkingLevel
    "template_enable_thinking",  # chat_template_kwargs.enable_thinking
    "template_thinking",  # chat_template_kwargs.thinking
    "thinking_type",  # thinking: {type: enabled | disabled}, with reasoning_effort where there are several efforts
    "thinking_adaptive",  # thinking: {type: adaptive | disabled}: MiniMax M3
    "plain_effort",  # reasoning_effort and nothing else: xAI, Mistral, Cerebras, Cohere, Kimi K3, GPT-OSS at Groq
    "groq_effort",  # reasoning_effort: none | default
    "enable_thinking",  # enable_thinking + thinking_budget at the top level: DashScope, SiliconFlow
    "reasoning_object",  # reasoning: {effort | enabled}: OpenRouter and Vercel, the same for all models
    "reasoning_enabled",  # reasoning: {enabled}, with reasoning_effort where there are several efforts: Together
    "template_args",  # chat_template_args.enable_thinking: Baseten
    "bedrock",  # additionalModelRequestFields at converse
    "own",  # an operator's own: `Capability.own`
    "fixed",  # takes no parameter
]


BUDGET_TOKENS: Mapping[Effort, int] = MappingProxyType(
    {"none": 0, "minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576, "max": 32_768}
)
"""Thinking budget in tokens of each effort, for providers that take a budget."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What one model accepts at one host.

    Parameters
    ----------
    family
        The model's name without prefixes, for messages; `unknown` where nothing is known.
    switch
        How its reasoning is controlled.
    efforts
        Accepted efforts, ascending; the first is the floor. `none` first means that reasoning can be switched off.
    budgets
        Smallest and largest thinking budget in tokens, for budget switches.
    output_tokens
        Most tokens of one answer, hidden ones included: no limit is raised above it.
    host
        Who serves it: a maker or a gateway, such as `openai` or `openrouter`; empty where that is not known.
    off_word
        The value that switches reasoning off (`disabled`, `between_tools`, `none`); empty: the writer's usual one.
    default
        What a body without any effort gets: an effort, `on` for reasoning of unknown amount; None where unknown.
    sampling
        What happens to temperature and the like: accepted, ignored, refused always, refused unless at effort none,
        or refused while thinking.
    forced_tools
        Whether the client may force a tool: accepted, refused always, or refused while thinking.
    tools_effort
        Function tools beside an effort: accepted; accepted at effort `none` or without effort (`needs_none`); only
        with `none` said in words (`none_in_words`); tools are refused (`tools_refused`).
    off_above_high
        Whether the highest efforts (above `high`) may be stated while thinking is off.
    history
        What earlier assistant turns must hold where reasoning is on: nothing, `reasoning_content` on turns with tool
        calls or on all turns, or signed blocks.
    inband_effort
        Whether the effort may change within a conversation by a message of its own, which keeps the prompt cache.
    cache_on_effort
        What a change of effort does to the cached prefix; None where unknown, to be priced as lost.
    kind
        `chat`; models of any other kind (`image`, `speech`, `embedding`, `live`) are never touched.
    own
        An operator's own switch, which goes before the known one.
    """

    family: str
    switch: Switch
    efforts: tuple[Effort, ...]
    budgets: tuple[int, int] = (0, 0)
    output_tokens: int = 64_000
    host: str = ""
    off_word: str = ""
    default: Effort | Literal["on"] | None = None
    sampling: Literal["ok", "ignored", "refused", "only_at_none", "not_while_thinking"] = "ok"
    forced_tools: Literal["ok", "refused", "not_while_thinking"] = "ok"
    tools_effort: Literal["ok", "needs_none", "none_in_words", "tools_refused"] = "ok"
    off_above_high: Literal["ok", "refused"] = "ok"
    history: Literal["none", "reasoning_content_on_tool_turns", "reasoning_content_on_all_turns", "signed"] = "none"
    inband_effort: bool = False
    cache_on_effort: Literal["kept", "lost"] | None = None
    kind: str = "chat"
    own: ReasoningSwitch | None = None

    @property
    def changes_in_loop(self) -> bool:
        """Whether a call inside a tool loop may ask for another effort than the call before.

        OpenAI and those who take its parameter read it anew with every call, and want nothing of the turns before.
        """
        return self.history == "none" and self.switch in ("openai_effort", "oss_effort", "plain_effort")

    @property
    def is_known(self) -> bool:
        """Whether anything is known of the model."""
        return self.family != "unknown"

    def clamp(self, effort: Effort) -> Effort:
        """Give the nearest effort that the model accepts: the highest one not above `effort`, else the floor.

        >>> Capability("one", "openai_effort", ("minimal", "low", "high")).clamp("none")
        'minimal'
        >>> Capability("two", "openai_effort", ("none", "low", "high")).clamp("minimal")
        'low'
        """
        wanted = EFFORTS.index(effort)
        below = [known for known in self.efforts if EFFORTS.index(known) <= wanted]
        if not below:
            return self.efforts[0]
        nearest = below[-1]
        # Thinking was asked for: do not fall to 'none' when the model has something above it.
        return self.efforts[1] if nearest == "none" and effort != "none" and len(self.efforts) > 1 else nearest


UNKNOWN = Capability("unknown", "fixed", ("none",))
"""A model that is not known to reason: nothing is ever sent to it."""
