"""Builds the frozen registry from committed facts and our overrides, the same bytes from the same input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from serving.decision.providers.capabilities import NORMALISING, Override, Switch, host_of, name_keys, row_key
from training.capabilities.contradictions import Contradiction, find_contradictions
from training.capabilities.facts import Source
from training.capabilities.merge import Merged, kinds_of, merge_facts
from training.capabilities.rows import apply_to_merged, row_fields

AS_OF = "2026.11.27"
"""When the facts were extracted; part of the registry's version."""
OVERRIDES = Path(__file__).with_name("capabilities.toml")
_SWITCHED = ("zai", "deepseek", "qwen", "together", "baseten")
_HOSTED = ("bedrock", "vertex", "azure")
_TELLING = ("openrouter", "vercel", "azure", "bedrock", "vertex", "novita", "deepinfra", "fireworks", "together")


@dataclass(frozen=True, slots=True)
class Built:
    """A built registry.

    Parameters
    ----------
    text
        The file's content.
    rows
        What was merged, overrides applied.
    contradictions
        Disputed fields at makers that no override settles.
    agreed
        Overrides that the data has come to agree with: to be removed.
    """

    text: bytes
    rows: tuple[Merged, ...]
    contradictions: tuple[Contradiction, ...]
    agreed: tuple[Override, ...]


def build_registry(sources: Sequence[Source], overrides: Sequence[Override]) -> Built:
    """Merge facts and overrides into the content of a registry file."""
    rows = list(merge_facts(sources))
    known = {(row.host, row.key) for row in rows}
    rows += _added(overrides, known)
    useful = _apply(rows, overrides)
    _complete(rows)
    adaptive = {row.key for row in rows if row.host == "anthropic" and row.wires[:1] == ("anthropic-adaptive",)}
    shapes = _Shapes()
    table: dict[str, dict[str, int]] = {}
    endpoints: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        fields = row_fields(row, adaptive, _forced_switch(row, overrides)) | _direct(row, overrides, "")
        table.setdefault(row.host, {})[row.key] = shapes.index(fields)
        for endpoint in _endpoints(row, overrides):
            own = fields | _direct(row, overrides, endpoint)
            if endpoint == "chat" and row.chat_efforts and "efforts" not in _stated(row, overrides, endpoint):
                own["efforts"] = [effort for effort in own["efforts"] if effort in ("none", *row.chat_efforts)]
            if own != fields:
                endpoints.setdefault(endpoint, {}).setdefault(row.host, {})[row.key] = shapes.index(own)
    for keys in (*table.values(), *(keys for hosts in endpoints.values() for keys in hosts.values())):
        _add_short_names(keys)
    document = {
        "date": AS_OF,
        "sources": sorted(f"{source.package} {source.version}".strip() for source in sources),
        "shapes": shapes.all,
        "rows": table,
        "endpoints": endpoints,
        "names": _names(rows, table),
        "makers": _makers(table),
        "rules": [_rule(override) for override in overrides if _is_rule(override)],
        "kinds": _by_value(kinds_of(sources)),
        "plain": _plain(sources, table),
    }
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS) + b"\n"
    return Built(text, tuple(rows), find_contradictions(rows), tuple(o for o in overrides if o not in useful))


class _Shapes:
    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self._found: dict[bytes, int] = {}

    def index(self, fields: dict[str, Any]) -> int:
        text = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
        if text not in self._found:
            self._found[text] = len(self.all)
            self.all.append(fields)
        return self._found[text]


def _added(overrides: Iterable[Override], known: set[tuple[str, str]]) -> list[Merged]:
    """Give a row for every model that an override names in full and no source knows at that host."""
    return [
        Merged(host, key, key)
        for host, key in dict.fromkeys(
            (host, key)
            for override in overrides
            for host in override.hosts
            for key in override.matches
            if "*" not in host + key and (host, key) not in known
        )
    ]


def _apply(rows: Iterable[Merged], overrides: Sequence[Override]) -> set[Override]:
    """Apply the overrides for all endpoints in place; give those that changed something or cannot be judged."""
    useful = {
        override
        for override in overrides
        if override.endpoint or {"switch", "reasons", "cache_on_effort"} & set(dict(override.changes))
    }
    for row in rows:
        for override in reversed(overrides):  # the first in the file speaks last, so that it wins
            if override.endpoint or not override.holds(row.host, row.key):
                continue
            before = {name: getattr(row, name, None) for name, _ in override.changes}
            disputed = any(len(set(row.claims.get(name, {}).values())) > 1 for name, _ in override.changes)
            apply_to_merged(row, override)
            if disputed or any(before[name] != value for name, value in override.changes):
                useful.add(override)
    return useful


def _complete(rows: Iterable[Merged]) -> None:
    """Fill in, in place, what follows of a row from its maker's and from its form on the wire.

    A gateway that translates efforts takes over from the maker what no source says of the gateway; clouds that serve
    Claude's own Messages interface take over its off.
    """
    makers = {row.key: row for row in rows if row.host == host_of(row.name)}
    for row in rows:
        maker = makers.get(row.key)
        if row.host in NORMALISING and maker is not None:
            row.efforts = maker.efforts if row.efforts is None else row.efforts
            row.off = maker.off if row.off is None else row.off
            row.default = row.default or maker.default
        if row.host in _HOSTED and row.key.startswith("claude") and maker is not None:
            row.off = maker.off if row.off is None else row.off
            row.off_word = row.off_word or maker.off_word
        if row.off is None and row.wires[:1] and row.wires[0] in _SWITCHED:
            # The best source sets this switch to off in every call without reasoning.
            row.off = not (maker is not None and maker.off is False)


def _forced_switch(row: Merged, overrides: Iterable[Override]) -> Switch | None:
    stated = _stated(row, overrides, "")
    switch: Switch | None = stated.get("switch")
    return switch


def _stated(row: Merged, overrides: Iterable[Override], endpoint: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for override in overrides:
        if override.endpoint == endpoint and override.holds(row.host, row.key, endpoint):
            found = dict(override.changes) | found
    return found


_DIRECT = ("tools_effort", "cache_on_effort", "kind")
_AT_ENDPOINT = (*_DIRECT, "sampling", "forced_tools", "history", "inband_effort", "off_above_high")


def _direct(row: Merged, overrides: Iterable[Override], endpoint: str) -> dict[str, Any]:
    """Give the fields that only overrides state; at one endpoint all that they state."""
    stated = _stated(row, overrides, endpoint)
    fields = {name: value for name, value in stated.items() if name in (_AT_ENDPOINT if endpoint else _DIRECT)}
    if endpoint and "efforts" in stated:
        off = stated.get("off", row.off) is True
        fields["efforts"] = (["none"] if off else []) + list(stated["efforts"])
    return fields


def _endpoints(row: Merged, overrides: Iterable[Override]) -> list[str]:
    named = {
        override.endpoint
        for override in overrides
        if override.endpoint and override.holds(row.host, row.key, override.endpoint)
    }
    return sorted(named | ({"chat"} if row.chat_efforts else set()))


def _add_short_names(keys: dict[str, int]) -> None:
    """Let a model be found without the `-preview` or `-latest` under which alone it is listed."""
    for key, shape in list(keys.items()):
        for ending in ("-preview", "-latest"):
            keys.setdefault(key.removesuffix(ending), shape)


def _names(rows: Iterable[Merged], table: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    names: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: (host_of(row.name) != row.host, len(row.name), row.name)):
        names.setdefault(row.key, row.name.lower())
    for keys in table.values():
        for key in keys:
            names.setdefault(key, names.get(f"{key}-preview") or names.get(f"{key}-latest") or key)
    return names


def _makers(table: Mapping[str, Mapping[str, int]]) -> dict[str, list[str]]:
    """Give by host the keys whose row there tells most of the model: its maker's, else that of a large gateway."""
    makers: dict[str, list[str]] = {}
    for key in sorted({key for keys in table.values() for key in keys}):
        order = (host_of(key), *_TELLING, *sorted(table))
        makers.setdefault(next(host for host in order if key in table.get(host, {})), []).append(key)
    return makers


def _is_rule(override: Override) -> bool:
    """Tell whether an override says all that is needed of models that no source names."""
    return override.is_pattern and bool({"switch", "reasons"} & set(dict(override.changes)))


def _rule(override: Override) -> dict[str, Any]:
    return {
        "hosts": override.hosts,
        "matches": override.matches,
        "endpoint": override.endpoint,
        "changes": override.changes,
        "why": override.why,
    }


def _by_value(kinds: Mapping[str, str]) -> dict[str, list[str]]:
    return {kind: [key for key, other in kinds.items() if other == kind] for kind in sorted(set(kinds.values()))}


def _plain(sources: Iterable[Source], table: Mapping[str, Mapping[str, int]]) -> dict[str, list[str]]:
    """List the models that do not reason although a shorter form of their name is one that does."""
    plain: dict[str, set[str]] = {}
    for source in sources:
        for fact in source.facts:
            if fact.reasons is not False:
                continue
            own, rows = row_key(fact.model), table.get(fact.host, {})
            if own not in rows and any(key in rows for key in name_keys(fact.model)):
                plain.setdefault(fact.host, set()).add(own)
    return {host: sorted(keys) for host, keys in sorted(plain.items())}
