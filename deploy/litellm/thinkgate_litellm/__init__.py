"""thinkgate's callback for the LiteLLM proxy; `gate` is what the proxy's configuration names."""

from thinkgate_litellm.hook import ThinkgateHook
from thinkgate_litellm.options import HookOptions

__all__ = ["HookOptions", "ThinkgateHook", "gate"]

gate = ThinkgateHook()
"""Reads the environment at the first call, and opens nothing before."""
