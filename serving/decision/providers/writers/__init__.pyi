from .anthropic import (
    chat_adaptive,
    chat_budget,
    messages_adaptive,
    messages_budget,
    messages_normalised,
    messages_thinking,
)
from .bedrock import converse, converse_adaptive, converse_budget, converse_effort
from .change import EffortChange, Writer, child_object
from .effort_words import (
    gemini_chat,
    groq_effort,
    openai_chat,
    openai_responses,
    oss_effort,
    plain_effort,
    reasoning_object,
)
from .gemini import thinking_config
from .own import own_switch
from .switches import (
    cohere_thinking,
    enable_thinking,
    reasoning_enabled,
    template_argument,
    thinking_adaptive,
    thinking_type,
)

__all__ = [
    "EffortChange",
    "Writer",
    "chat_adaptive",
    "chat_budget",
    "child_object",
    "cohere_thinking",
    "converse",
    "converse_adaptive",
    "converse_budget",
    "converse_effort",
    "enable_thinking",
    "gemini_chat",
    "groq_effort",
    "messages_adaptive",
    "messages_budget",
    "messages_normalised",
    "messages_thinking",
    "openai_chat",
    "openai_responses",
    "oss_effort",
    "own_switch",
    "plain_effort",
    "reasoning_enabled",
    "reasoning_object",
    "template_argument",
    "thinking_adaptive",
    "thinking_config",
    "thinking_type",
]
