"""Capability table: how each model family's reasoning is controlled, and which efforts it accepts.

The first matching row counts; sources are the providers' own API references, checked 2026-11. A model without a row
accepts no reasoning parameter at all: nothing unknown is ever sent to a strict endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
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
    history: Literal["none", "reasoning_content_on_tool_turns", "reasoning_content_on_all_turns", "signed"] = "none"
    inband_effort: bool = False
    cache_on_effort: Literal["kept", "lost"] | None = None
    kind: str = "chat"
    own: ReasoningSwitch | None = None

    @property
    def is_known(self) -> bool:
        """Whether anything is known of the model."""
        return self.family != "unknown"

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
_LMHX: tuple[Effort, ...] = (*_LMH, "xhigh")
_NONE_TO_HIGH: tuple[Effort, ...] = ("none", *_LMH)
_NONE_TO_XHIGH: tuple[Effort, ...] = (*_NONE_TO_HIGH, "xhigh")
_ON_OFF: tuple[Effort, ...] = ("none", "high")

UNKNOWN = Capability("unknown", "fixed", ("none",))

_OPENAI_TEXT = r"(?:^|/)"
_OPENAI = Capability("gpt-5.1", "openai_effort", _NONE_TO_HIGH, default="none", sampling="only_at_none")
_OPENAI_ALWAYS_ON = replace(_OPENAI, efforts=_LMH, default="medium", sampling="refused")
_CLAUDE = Capability(
    "claude-4.6", "anthropic_adaptive", (*_NONE_TO_HIGH, "max"), output_tokens=128_000, history="signed"
)
_CLAUDE_46 = replace(_CLAUDE, default="none", sampling="not_while_thinking")
_CLAUDE_5 = replace(_CLAUDE, family="claude-5", efforts=(*_NONE_TO_XHIGH, "max"), default="high", sampling="refused")
_CLAUDE_ALWAYS_ON = replace(_CLAUDE_5, family="claude-5-always-on", efforts=(*_LMHX, "max"))
_CLAUDE_BUDGET = Capability(
    "claude-3.7-4.5",
    "anthropic_budget",
    _NONE_TO_HIGH,
    (1024, 64_000),
    default="none",
    sampling="not_while_thinking",
    forced_tools="not_while_thinking",
    history="signed",
)
_DEEPSEEK = Capability(
    "deepseek-api",
    "thinking_type",
    _ON_OFF,
    sampling="ignored",
    forced_tools="not_while_thinking",
    history="reasoning_content_on_tool_turns",
)
_TABLE: tuple[tuple[str, Capability], ...] = (
    (
        r"embed(?:ding)?(?:-|$)|(?:^|/)text-embedding|rerank",
        Capability("embedding", "fixed", ("none",), kind="embedding"),
    ),
    (
        r"gpt-image|dall-e|imagen|-image(?:-|$)|(?:^|/)(?:flux|veo|sora)",
        Capability("image", "fixed", ("none",), kind="image"),
    ),
    (r"whisper|transcribe|(?:^|/)tts-|-tts(?:-|$)", Capability("speech", "fixed", ("none",), kind="speech")),
    (r"realtime|-live(?:-|$)|native-audio", Capability("live", "fixed", ("none",), kind="live")),
    (r"gpt-oss", Capability("gpt-oss", "oss_effort", _LMH, default="medium")),
    (_OPENAI_TEXT + r"gpt-5-chat", Capability("gpt-5-chat", "fixed", ("none",))),
    (_OPENAI_TEXT + r"gpt-5\.\d+-chat", Capability("gpt-5.1-chat", "fixed", ("medium",), sampling="refused")),
    (_OPENAI_TEXT + r"gpt-5-pro", replace(_OPENAI_ALWAYS_ON, family="gpt-5-pro", efforts=("high",), default="high")),
    (
        _OPENAI_TEXT + r"gpt-5\.\d+-pro",
        replace(_OPENAI_ALWAYS_ON, family="gpt-5.2-pro", efforts=("medium", "high", "xhigh")),
    ),
    (_OPENAI_TEXT + r"gpt-5\.1-codex-max", replace(_OPENAI_ALWAYS_ON, family="gpt-5.1-codex-max", efforts=_LMHX)),
    (_OPENAI_TEXT + r"gpt-5\.[2-9]\d*-codex", replace(_OPENAI_ALWAYS_ON, family="gpt-5.2-codex", efforts=_LMHX)),
    (_OPENAI_TEXT + r"gpt-5(?:\.\d+)?-codex", replace(_OPENAI_ALWAYS_ON, family="gpt-5-codex")),
    (_OPENAI_TEXT + r"gpt-5\.1", _OPENAI),
    (_OPENAI_TEXT + r"gpt-5\.[23](?!\d)", replace(_OPENAI, family="gpt-5.2", efforts=_NONE_TO_XHIGH)),
    (
        _OPENAI_TEXT + r"gpt-5\.4",
        replace(_OPENAI, family="gpt-5.4", efforts=_NONE_TO_XHIGH, tools_effort="needs_none"),
    ),
    (
        _OPENAI_TEXT + r"gpt-5\.5",
        replace(_OPENAI, family="gpt-5.5", efforts=_NONE_TO_XHIGH, default="medium", tools_effort="needs_none"),
    ),
    (
        _OPENAI_TEXT + r"gpt-6-astra|" + _OPENAI_TEXT + r"gpt-6\.\d+-(?:astra|sol)",
        replace(_OPENAI_ALWAYS_ON, family="gpt-6-astra", efforts=_LMHX, tools_effort="tools_refused"),
    ),
    (
        _OPENAI_TEXT + r"gpt-(?:5\.[6-9]|[6-9])",
        replace(_OPENAI, family="gpt-5.6+", efforts=_NONE_TO_XHIGH, default="medium", tools_effort="none_in_words"),
    ),
    (_OPENAI_TEXT + r"gpt-5(?![\d.])", replace(_OPENAI_ALWAYS_ON, family="gpt-5", efforts=("minimal", *_LMH))),
    (_OPENAI_TEXT + r"o1-(?:mini|preview)", Capability("o1-mini", "fixed", ("high",), sampling="refused")),
    (_OPENAI_TEXT + r"o[134](?:-|$)", replace(_OPENAI_ALWAYS_ON, family="o-series")),
    (r"claude-(?:fable|mythos)-5(?![-.][1-9](?!\d))", _CLAUDE_ALWAYS_ON),
    (
        r"claude-(?:fable|mythos)-5|claude-opus-5[-.]5(?!\d)",
        replace(_CLAUDE_ALWAYS_ON, default="medium", forced_tools="refused"),
    ),
    (r"claude-sonnet-5[-.]5(?!\d)", replace(_CLAUDE_5, off_word="between_tools", forced_tools="refused")),
    (r"claude-haiku-5[-.]5(?!\d)", replace(_CLAUDE_5, default="medium")),
    (r"claude-(?:opus|sonnet|haiku)-[5-9](?!\d)", _CLAUDE_5),
    (r"claude-opus-4[-.][78](?!\d)", replace(_CLAUDE_5, family="claude-4.7", default="none")),
    (r"claude-(?:opus|sonnet|haiku)-4[-.][6-9](?!\d)", _CLAUDE_46),
    (
        r"claude-opus-4(?:[-.][01])?(?!\d|[-.]\d(?!\d))",
        replace(_CLAUDE_BUDGET, family="claude-opus-4", budgets=(1024, 30_000), output_tokens=32_000),
    ),
    (r"claude-3[-.]7|claude-(?:opus|sonnet|haiku)-4(?!\d)", _CLAUDE_BUDGET),
    (r"gemini-2\.5-pro", Capability("gemini-2.5-pro", "gemini_budget", _LMH, (128, 32_768), default="on")),
    (r"gemini-2\.5-flash-lite", Capability("gemini-2.5-flash-lite", "gemini_budget", _NONE_TO_HIGH, (512, 24_576))),
    (r"gemini-2\.5-flash", Capability("gemini-2.5-flash", "gemini_budget", _NONE_TO_HIGH, (1, 24_576), default="on")),
    (
        r"gemini-3\.5-flash-lite",
        Capability("gemini-3.5-flash-lite", "gemini_level", ("minimal", *_LMH), default="minimal", sampling="ignored"),
    ),
    (
        r"gemini-3\.[78]-flash",
        Capability("gemini-3.7-flash", "gemini_level", _LMH, default="medium", sampling="ignored"),
    ),
    (
        r"gemini-3\.6-flash",
        Capability("gemini-3.6-flash", "gemini_level", ("minimal", *_LMH), default="medium", sampling="ignored"),
    ),
    (r"gemini-3[\w.]*-flash", Capability("gemini-3-flash", "gemini_level", ("minimal", *_LMH), default="high")),
    (r"gemini-3\.[1-9]-pro|gemini-4", Capability("gemini-3.1-pro", "gemini_level", _LMH)),
    (r"gemini-3", Capability("gemini-3-pro", "gemini_level", ("low", "high"), default="high")),
    (r"qwen-?3(?!.*(?:thinking|instruct)-2507)", Capability("qwen3", "template_enable_thinking", _ON_OFF)),
    (r"deepseek-ai/deepseek-v3\.[12]", Capability("deepseek-v3.1", "template_thinking", _ON_OFF)),
    (r"granite-(?:3\.[23]|[4-9])", Capability("granite", "template_thinking", _ON_OFF)),
    (r"^(?:deepseek/)?deepseek-v4", replace(_DEEPSEEK, family="deepseek-v4", default="high")),
    (r"^(?:deepseek/)?deepseek-(?:chat|v3\.[12])", _DEEPSEEK),
    (r"deepseek-(?:reasoner|r1)", Capability("deepseek-r1", "fixed", ("high",), sampling="ignored")),
    (r"kimi-k2\.[56]", replace(_DEEPSEEK, family="kimi-k2.5", default="on", sampling="refused")),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), row) for pattern, row in _TABLE)


@lru_cache(maxsize=4096)
def find_capability(model: str, host: str = "", endpoint: str = "") -> Capability:
    """Look up a model's capability; provider prefixes such as `openai/` or `bedrock/anthropic.` do not matter.

    Parameters
    ----------
    model
        As a body, an arm or a log names it.
    host
        Who serves it; empty: its maker, unless the name's prefix says otherwise.
    endpoint
        Endpoint format (`chat`, `responses`, `messages`, `gemini`); empty: any.

    Examples
    --------
    >>> find_capability("openai/gpt-5.1").efforts
    ('none', 'low', 'medium', 'high')
    >>> find_capability("anthropic.claude-sonnet-4-5-20250929-v1:0").switch
    'anthropic_budget'
    >>> find_capability("gpt-4o").switch
    'fixed'
    """
    del host, endpoint  # every row holds for all hosts and endpoints so far
    for pattern, row in _COMPILED:
        if pattern.search(model):
            return row
    return UNKNOWN
