from .daemon import Daemon, DaemonSettings
from .retrain import RetrainSettings, retrain

__all__ = [
    "Daemon",
    "DaemonSettings",
    "RetrainSettings",
    "retrain",
]
