"""The served model: where bundles come from, how they are swapped, shadowed, tried as a canary and rolled back."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
