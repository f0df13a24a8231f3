"""The journal: every decision and every outcome reported for it, stored durably off the decision path."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
