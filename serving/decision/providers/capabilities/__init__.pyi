from .capability import BUDGET_TOKENS, UNKNOWN, Capability, Switch
from .hosts import NORMALISING, host_name, host_of
from .lookup import capabilities_version, find_capability, use_capabilities
from .model_names import model_key, name_keys, row_key
from .overrides import Override, read_overrides
from .registry import REGISTRY, CapabilityRegistry, load_registry, parse_registry

__all__ = [
    "BUDGET_TOKENS",
    "NORMALISING",
    "REGISTRY",
    "UNKNOWN",
    "Capability",
    "CapabilityRegistry",
    "Override",
    "Switch",
    "capabilities_version",
    "find_capability",
    "host_name",
    "host_of",
    "load_registry",
    "model_key",
    "name_keys",
    "parse_registry",
    "read_overrides",
    "row_key",
    "use_capabilities",
]
