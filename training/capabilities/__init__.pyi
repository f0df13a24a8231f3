from .downloads import read_sources
from .facts import FOLDER, Fact, Source, load_all, save

__all__ = ["FOLDER", "Fact", "Source", "load_all", "read_sources", "save"]
