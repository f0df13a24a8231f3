from .model import PriorModel

__all__ = [
    "PriorModel",
]
