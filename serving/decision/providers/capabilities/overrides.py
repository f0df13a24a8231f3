"""Overrides: a `capabilities.toml` that corrects or adds to the registry, shipped by us or given by an operator.

::

    [[model]]
    host = "openai"
    match = "gpt-6-astra"
    endpoint = "chat"
    tools_effort = "tools_refused"
    why = "function tools at chat are refused: genkit-dart#423"
    until = "2027-02"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args, get_type_hints

from serving.decision.errors import BadCapabilities
from serving.decision.policy import Section, TomlFile, read_text
from serving.decision.providers.capabilities.capability import Capability, Switch
from serving.decision.providers.capabilities.hosts import host_name
from serving.decision.providers.capabilities.model_names import model_key
from serving.decision.types import EFFORTS, Effort

ENDPOINTS = ("chat", "responses", "messages", "gemini", "converse")


@dataclass(frozen=True, slots=True)
class Override:
    """One `[[model]]` table.

    Parameters
    ----------
    hosts, matches
        Patterns of hosts and of model keys; `*` stands for any text.
    endpoint
        The only endpoint that it holds for; empty: all.
    changes
        Field and value, of `switch`, `efforts` (without `none`), `off`, `default`, `budget`, `out` and the rest.
    why
        Where the fact was read.
    until
        Year and month after which it should be looked at again; empty: none.
    line
        Of the table's header in its file.
    """

    hosts: tuple[str, ...]
    matches: tuple[str, ...]
    endpoint: str
    changes: tuple[tuple[str, Any], ...]
    why: str
    until: str = ""
    line: int = 0

    @property
    def is_pattern(self) -> bool:
        """Whether it may match models that no source names."""
        return any("*" in match for match in self.matches)

    def holds(self, host: str, key: str, endpoint: str = "") -> bool:
        """Tell whether it is about this model; one for a single endpoint also counts where no endpoint is named."""
        return (
            endpoint in ("", self.endpoint, *(() if self.endpoint else ENDPOINTS))
            and any(fnmatchcase(host, pattern) for pattern in self.hosts)
            and any(fnmatchcase(key, pattern) for pattern in self.matches)
        )


def read_overrides(path: Path | str) -> tuple[Override, ...]:
    """Read a `capabilities.toml`.

    Raises
    ------
    BadCapabilities
        With line, key and cure of every error.
    """
    path = Path(path)
    return parse_overrides(read_text(path, BadCapabilities), path.name)


def parse_overrides(text: str, source: str = "capabilities.toml") -> tuple[Override, ...]:
    """Parse the overrides of a text; `source` names it in error messages.

    Raises
    ------
    BadCapabilities
        With line, key and cure of every error.

    Examples
    --------
    >>> parse_overrides('[[model]]\\nhost = "openai"\\nmatch = "gpt-9"\\noff = false\\nwhy = "tried"')[0].changes
    (('off', False),)
    >>> parse_overrides('[[model]]\\nhost = "openai"\\nmatch = "gpt-9"\\noff = "no"\\nwhy = "tried"')
    Traceback (most recent call last):
    serving.decision.errors.BadCapabilities: capabilities.toml, line 4, model[1].off: write true or false, not a string
    """
    file = TomlFile(text, source, BadCapabilities)
    found = tuple(_override(section) for section in file.root.sections("model"))
    file.root.close()
    file.finish()
    return found


def apply_override(capability: Capability, override: Override) -> Capability:
    """Give the capability with an override's changes, `none` in its efforts exactly where reasoning can be off."""
    changes = dict(override.changes)
    efforts: tuple[Effort, ...] = changes.pop(
        "efforts", tuple(known for known in capability.efforts if known != "none")
    )
    off = changes.pop("off", "none" in capability.efforts)
    changes.pop("reasons", None)
    renamed = {_FIELD_OF.get(name, name): value for name, value in changes.items()}
    none: tuple[Effort, ...] = ("none",) if off else ()
    return replace(capability, efforts=none + (efforts or ("high",)), **renamed)


def _override(section: Section) -> Override:
    hosts = tuple(pattern if "*" in pattern else host_name(pattern) for pattern in section.strings("host"))
    matches = tuple(model_key(pattern) for pattern in section.strings("match"))
    for key, found in (("host", hosts), ("match", matches)):
        if not section.has(key):
            section.fault(key, f"missing: name the {key} (`*` stands for any text)")
        elif "*" in found and key == "match":
            section.fault(key, "would match every model: name a family")
    endpoint = section.choice("endpoint", "", ENDPOINTS) if section.has("endpoint") else ""
    why, until = section.text("why"), section.text("until", "") if section.has("until") else ""
    if until and re.fullmatch(r"\d{4}-\d{2}", until) is None:
        section.fault("until", f"{until!r} is no month: write it as 2027-02")
    changes = tuple(
        (name, value) for name in _CHANGES if section.has(name) and (value := _value(section, name)) is not None
    )
    section.close()
    if not changes:
        section.fault(None, f"changes nothing: add one of {', '.join(_CHANGES)}")
    return Override(hosts, matches, endpoint, changes, why, until, section.line)


def _value(section: Section, name: str) -> Any:
    if name in _FLAGS:
        return section.flag(name, False)
    if name == "out":
        return section.whole(name, 0, low=1)
    if name == "efforts":
        stated = section.strings(name)
        for effort in stated:
            if effort not in EFFORTS[1:]:
                section.fault(
                    name, f"{effort!r} is no effort: choose from {', '.join(EFFORTS[1:])} (`off` is for none)"
                )
        return tuple(effort for effort in EFFORTS if effort in stated)
    if name == "budget":
        return _budget(section)
    if name in _CHOICES:
        return section.choice(name, "", _CHOICES[name])
    return section.text(name)


def _budget(section: Section) -> tuple[int, int]:
    table = section.section("budget")
    low, high = table.whole("min", 1, low=1), table.whole("max", 1, low=1)
    table.close()
    if high < low:
        table.fault("max", f"{high} is below min: write the largest budget in tokens")
    return low, high


def _options(name: str) -> tuple[str, ...]:
    """List the words that a field of `Capability` takes; () for free text."""
    hint = get_type_hints(Capability)[name]
    nested = [get_args(part) or (part,) for part in get_args(hint)] or [(hint,)]
    return tuple(word for part in nested for word in part if isinstance(word, str))


_FIELD_OF: Mapping[str, str] = MappingProxyType({"out": "output_tokens", "budget": "budgets"})
_FLAGS = frozenset({"off", "inband_effort", "reasons"})
_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "switch": get_args(Switch),
        "default": (*EFFORTS, "on"),
        **{
            name: _options(name)
            for name in ("sampling", "forced_tools", "tools_effort", "off_above_high", "history", "cache_on_effort")
        },
    }
)
_CHANGES = (*_CHOICES, "efforts", "off", "off_word", "budget", "out", "kind", "reasons", "inband_effort")
