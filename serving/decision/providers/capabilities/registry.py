"""The frozen registry: what maintained data states of models at hosts, as one file that loads in milliseconds.

Written by `training/capabilities`; read once per process. Rows with equal statements share one shape.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from serving.decision.providers.capabilities.capability import UNKNOWN, Capability
from serving.decision.providers.capabilities.hosts import NORMALISING, host_name, host_of
from serving.decision.providers.capabilities.model_names import name_keys
from serving.decision.providers.capabilities.overrides import Override, apply_override
from serving.decision.types import Effort

REGISTRY = Path(__file__).with_name("registry.json")
_Rows = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class CapabilityRegistry:
    """Rows by host and model key, and how a name finds one.

    Parameters
    ----------
    version
        Date and digest, e.g. `capabilities-2026.11.27:1f3a9c2b`.
    shapes
        What rows state: fields of `Capability`.
    rows
        By host and model key, the index of a shape.
    endpoints
        The same for single endpoints that differ.
    names
        Every known key and the model's name.
    makers
        By key: the host whose row tells what the model is.
    rules
        Statements about models that no source names, first match counts: weights on somebody's own server.
    kinds
        By key: the kind of what is no chat model.
    plain
        By host: keys of models that do not reason though a shorter form of their name does.
    operator
        Overrides of the operator, applied last.
    """

    version: str
    shapes: Sequence[Mapping[str, Any]]
    rows: _Rows
    endpoints: Mapping[str, _Rows]
    names: Mapping[str, str]
    makers: Mapping[str, str]
    rules: tuple[Override, ...]
    kinds: Mapping[str, str]
    plain: Mapping[str, frozenset[str]]
    operator: tuple[Override, ...] = ()

    def find(self, model: str, host: str = "", endpoint: str = "") -> Capability:
        """Find what a model accepts; `UNKNOWN` where nothing is known of it."""
        where = host_name(host) if host else host_of(model)
        keys = name_keys(model)
        found = self._find(keys, where, endpoint) if keys else UNKNOWN
        for override in self.operator:
            if any(override.holds(where, key, endpoint) for key in keys):
                base = found if found.is_known else Capability(keys[-1], "fixed", ("high",), host=where)
                found = apply_override(base, override)
        return found

    def _find(self, keys: Sequence[str], host: str, endpoint: str) -> Capability:
        kind = next((self.kinds[key] for key in keys if key in self.kinds), "") or _kind_in_name(keys[0])
        if kind:
            return Capability(keys[-1], "fixed", ("none",), host=host, kind=kind)
        for key in keys:
            if key in self.plain.get(host, ()):
                return UNKNOWN
            shape = self.endpoints.get(endpoint or "chat", {}).get(host, {}).get(key)
            shape = self.rows.get(host, {}).get(key) if shape is None else shape
            if shape is not None:
                return self._normalised(self._row(key, host, shape), key)
            rule = next((rule for rule in self.rules if rule.holds(host, key, endpoint)), None)
            if rule is not None:
                return self._by_rule(rule, key, host)
            if key in self.names:
                return self._inherited(key, host)
        return UNKNOWN

    def _row(self, key: str, host: str, shape: int) -> Capability:
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in self.shapes[shape].items()
        }
        return Capability(self.names[key], host=host, **fields)

    def _normalised(self, row: Capability, key: str) -> Capability:
        """Take the maker's control where a normalising host's own row says that a model reasons, and not how."""
        if row.host not in NORMALISING or row.switch != "fixed" or row.efforts == ("none",) or key not in self.makers:
            return row
        inherited = self._inherited(key, row.host)
        return row if inherited.switch == "fixed" else inherited

    def _by_rule(self, rule: Override, key: str, host: str) -> Capability:
        if ("reasons", False) in rule.changes:
            return UNKNOWN
        return apply_override(Capability(self.names.get(key, key), "fixed", ("high",), host=host), rule)

    def _inherited(self, key: str, host: str) -> Capability:
        """Take over from the maker's row what holds at any host: never a way to control reasoning."""
        maker = self.makers[key]
        row = self._row(key, maker, self.rows[maker][key])
        if host in NORMALISING and row.switch != "fixed":
            efforts = tuple(effort for effort in row.efforts if effort != "none")
            off: tuple[Effort, ...] = ("none",) if "none" in row.efforts else ()
            return Capability(
                row.family,
                "reasoning_object",
                off + efforts,
                row.budgets,
                row.output_tokens,
                host,
                default=row.default,
                history=row.history,
            )
        return Capability(
            row.family, "fixed", ("high",), output_tokens=row.output_tokens, host=host, history=row.history
        )


@lru_cache(maxsize=1)
def load_registry(path: Path = REGISTRY) -> CapabilityRegistry:
    """Read a registry file."""
    return parse_registry(path.read_bytes())


def parse_registry(text: bytes) -> CapabilityRegistry:
    """Read the content of a registry file."""
    read = orjson.loads(text)
    rules = tuple(
        Override(
            tuple(rule["hosts"]),
            tuple(rule["matches"]),
            rule["endpoint"],
            tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in rule["changes"]),
            rule["why"],
        )
        for rule in read["rules"]
    )
    return CapabilityRegistry(
        f"capabilities-{read['date']}:{hashlib.sha256(text).hexdigest()[:8]}",
        read["shapes"],
        read["rows"],
        read["endpoints"],
        read["names"],
        {key: maker for maker, keys in read["makers"].items() for key in keys},
        rules,
        {key: kind for kind, keys in read["kinds"].items() for key in keys},
        {host: frozenset(keys) for host, keys in read["plain"].items()},
    )


def _kind_in_name(key: str) -> str:
    """Tell the kind of a model from a word in its name; empty for a chat model."""
    found = _KIND_WORD.search(key)
    if found is None:
        return ""
    word = found[1]
    return next((kind for kind, words in _KINDS if word in words), "other")


_KINDS = (
    ("image", ("image", "imagine", "imagen", "dall-e")),
    ("speech", ("tts", "speech", "transcribe", "whisper", "asr")),
    ("live", ("live", "realtime", "native-audio")),
    ("embedding", ("embedding", "embeddings", "embed")),
)
_KIND_WORD = re.compile(
    r"(?:^|-)(image|imagine|imagen|dall-e|tts|native-audio|speech|transcribe|whisper|asr|live|realtime|embedding|embeddings|embed"
    r"|video|rerank|reranker|moderation)(?=-|\d|$)"
)
