from .arms import effort_rank, load_arms, with_prices
from .bound_policy import BoundPolicy, bind_policy
from .controls import HOUR_S, BudgetSettings, HealthSettings, SessionSettings
from .policy import Policy, Terms
from .policy_file import PolicySource, load_policy, parse_policy
from .strict_toml import Section, TomlFile, read_text

__all__ = [
    "HOUR_S",
    "BoundPolicy",
    "BudgetSettings",
    "HealthSettings",
    "Policy",
    "PolicySource",
    "Section",
    "SessionSettings",
    "Terms",
    "TomlFile",
    "bind_policy",
    "effort_rank",
    "load_arms",
    "load_policy",
    "parse_policy",
    "read_text",
    "with_prices",
]
