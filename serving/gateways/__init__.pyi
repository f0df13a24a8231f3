from .envoy_processor import EXTERNAL_PROCESSOR, ExtProcServicer
from .envoy_reply import ExchangeServices

__all__ = [
    "EXTERNAL_PROCESSOR",
    "ExchangeServices",
    "ExtProcServicer",
]
