"""Telemetry: metrics summed over all workers, traces, and logs without prompts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
