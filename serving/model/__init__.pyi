from .canary import Canary
from .lifecycle import ModelLifecycle, ModelLocations, SideModels, follow_sources, open_model
from .live_model import LiveModel
from .prepared_model import warm_up
from .rollback_notice import RollbackBoard
from .shadow import Shadow
from .slot import EngineSlot, LiveEngine

__all__ = [
    "Canary",
    "EngineSlot",
    "LiveEngine",
    "LiveModel",
    "ModelLifecycle",
    "ModelLocations",
    "RollbackBoard",
    "Shadow",
    "SideModels",
    "follow_sources",
    "open_model",
    "warm_up",
]
