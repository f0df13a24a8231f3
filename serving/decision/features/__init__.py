"""Features of a request: complexity counts, and the token ids and weights that the model takes."""

from serving.decision.features.complexity import FEATURE_NAMES, MAX_CHARS, extract

__all__ = ["FEATURE_NAMES", "MAX_CHARS", "extract"]
