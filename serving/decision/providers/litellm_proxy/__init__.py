"""The litellm dialect: reads the calls of a LiteLLM proxy, and says a decision in LiteLLM's own words."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
