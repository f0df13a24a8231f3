"""Webhooks of gateways with an envelope of their own, Portkey and Plano: a call in, the call that pays back out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
