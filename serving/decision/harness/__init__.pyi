from .calls import CALL_KINDS, harness_call
from .user_words import strip_blocks, user_messages, user_words

__all__ = ["CALL_KINDS", "harness_call", "strip_blocks", "user_messages", "user_words"]
