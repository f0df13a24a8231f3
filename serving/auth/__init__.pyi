from .authorizer import Authorizer, Caller, RequiredScope, token_of
from .key_file import KeyFile
from .rate_limiter import RateLimiter

__all__ = [
    "Authorizer",
    "Caller",
    "KeyFile",
    "RateLimiter",
    "RequiredScope",
    "token_of",
]
