"""Evaluation: a model, or its policy, against baselines on prompts it was not trained on."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
