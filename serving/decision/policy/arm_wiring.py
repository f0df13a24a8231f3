"""How an arm is reached, as `arms.toml` states it: a reasoning switch of the operator's own, and names of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from serving.decision.policy.strict_toml import Section
from serving.decision.types import EFFORTS, Arm, ReasoningSwitch, SwitchValue

_STATES = ("off", "on", *EFFORTS[1:])
_RESERVED = frozenset({"model", "messages", "input", "contents", "system", "stream", "tools"})
"""Members of a body that no reasoning switch may set."""


@dataclass(frozen=True, slots=True)
class Aliases:
    """The `[[alias]]` tables of a file.

    Parameters
    ----------
    models
        Model by alias; no model is an alias itself.
    """

    models: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def model_of(self, name: str) -> str:
        """Give the model behind a name; the name itself where it is no alias.

        A provider's prefix does not matter: `azure/chat-prod` is `chat-prod`.

        Examples
        --------
        >>> aliases = Aliases({"chat-prod": "gpt-5.1"})
        >>> aliases.model_of("azure/chat-prod"), aliases.model_of("gpt-4o")
        ('gpt-5.1', 'gpt-4o')
        """
        return self.models.get(name) or self.models.get(name.rpartition("/")[2], name)

    def names_of(self, model: str) -> tuple[str, ...]:
        """Give every alias of a model, in order."""
        return tuple(sorted(name for name, meant in self.models.items() if meant == model))


def read_aliases(root: Section) -> Aliases:
    """Read the `[[alias]]` tables: `name` is what bodies, logs and replies say, `is` the model that it means."""
    models: dict[str, str] = {}
    sections = root.sections("alias")
    for section in sections:
        name, meant = section.text("name"), section.text("is")
        section.close()
        if not name or not meant:
            continue
        if name in models:
            section.fault("name", f"{name!r} is an alias already: write it once")
        elif name == meant:
            section.fault("is", f"{name!r} is itself: name the model behind it")
        models.setdefault(name, meant)
    for section in sections:
        meant = section.text("is", "-")
        if meant in models and models[meant] != meant:
            section.fault("is", f"{meant!r} is an alias itself: name the model {models[meant]!r}")
    return Aliases(models)


def with_aliases(arm: Arm, aliases: Aliases) -> Arm:
    """Give an arm the other names of its model.

    Examples
    --------
    >>> arm = with_aliases(Arm("direct", "chat-prod"), Aliases({"chat-prod": "gpt-5.1", "chat-eu": "gpt-5.1"}))
    >>> arm.stands_for, arm.known_as, arm.aliases
    ('gpt-5.1', 'gpt-5.1', ('chat-eu', 'gpt-5.1'))
    """
    model = aliases.model_of(arm.model)
    names = {*aliases.names_of(model), model} - {arm.model}
    if not aliases.names_of(model):
        return arm
    return replace(arm, stands_for="" if model == arm.model else model, aliases=tuple(sorted(names)))


def read_switch(section: Section) -> ReasoningSwitch | None:
    """Read `[arm.reasoning]`; None where there is none.

    Each state is a table of members to set in the body, under their names or dotted paths.
    """
    if not section.has("reasoning"):
        return None
    table = section.section("reasoning")
    states = []
    for name in _STATES:
        if table.has(name):
            state = table.section(name)
            states.append((name, tuple(sorted(_members(state)))))
    for key in ("off", "on"):
        if not table.has(key):
            table.fault(key, "missing: a switch needs what switches reasoning off, and what switches it on")
    if table.has("none"):
        table.fault("none", "write off: it is what effort none sends")
        table.section("none")
    table.close()
    told = [dict(words) for _, words in states]
    if any(words in told[:place] for place, words in enumerate(told)):
        table.fault(None, "two states send the same: then nothing is switched; let each say something else")
    return ReasoningSwitch(tuple(states))


def _members(section: Section, prefix: str = "") -> Iterator[tuple[str, SwitchValue]]:
    """Give the dotted path and value of every member, depth first."""
    for key in section.keys:
        path = f"{prefix}{key}"
        if path.partition(".")[0] in _RESERVED:
            section.fault(key, f"{path.partition('.')[0]!r} is no part of a reasoning switch: leave it out")
        value = section.value(key)
        if isinstance(value, dict):
            yield from _members(section.section(key), f"{path}.")
        elif isinstance(value, str | int | float | bool):
            yield path, value
        else:
            section.fault(key, "write a string, a number, true, false or a table of these")
