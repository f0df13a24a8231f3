from .envoy_exchange import ExchangeServices
from .envoy_processor import EXTERNAL_PROCESSOR, ExtProcServicer

__all__ = [
    "EXTERNAL_PROCESSOR",
    "ExchangeServices",
    "ExtProcServicer",
]
