from .train import Trained, TrainSettings, train

__all__ = [
    "TrainSettings",
    "Trained",
    "train",
]
