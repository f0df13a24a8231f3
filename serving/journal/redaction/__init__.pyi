from .masking import redact
from .stored_prompt import StorePrompts, stored_messages, stored_prompt_id

__all__ = ["StorePrompts", "redact", "stored_messages", "stored_prompt_id"]
