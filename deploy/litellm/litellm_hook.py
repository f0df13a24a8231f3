"""The callback under its former name: `callbacks: ["litellm_hook.gate"]` goes on working with the package installed."""

from thinkgate_litellm import ThinkgateHook, gate

__all__ = ["ThinkgateHook", "gate"]
