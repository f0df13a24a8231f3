from .agreement import Share, judge
from .build import OVERRIDES, Built, build_registry
from .contradictions import load_accepted, refuse_new, save_accepted
from .downloads import read_sources
from .facts import FOLDER, Fact, Source, load_all, save
from .refresh import explain_row, refresh_registry

__all__ = [
    "FOLDER",
    "OVERRIDES",
    "Built",
    "Fact",
    "Share",
    "Source",
    "build_registry",
    "explain_row",
    "judge",
    "load_accepted",
    "load_all",
    "read_sources",
    "refresh_registry",
    "refuse_new",
    "save",
    "save_accepted",
]
