"""Facts of one source: what it states of a model at a host, in words that all sources share, as a file for CI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import orjson

FOLDER = Path(__file__).with_name("sources")
"""Where the extracted facts are committed, one JSON file a source."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What one source states of one model at one host; None and empty mean that it says nothing.

    Parameters
    ----------
    host, model
        As `serving` spells hosts; the model as the source names it.
    endpoint
        `chat`, `responses`, `messages`, `gemini` or `converse`; empty: all.
    reasons
        Whether the model reasons at all.
    efforts
        All efforts that it accepts, without `none`.
    allows, refuses
        Single efforts that it accepts or refuses, where the source gives exceptions only.
    off
        Whether reasoning can be switched off.
    off_word
        The word for it.
    default
        What an absent parameter means: an effort, `on` or `off`.
    budget
        Smallest and largest thinking budget in tokens; -1 for no bound.
    out
        Output limit in tokens.
    sampling, forced_tools, history, kind
        As in `Capability`.
    inband
        Whether the effort may change within the conversation.
    above_high
        `refused` where the highest efforts are refused while thinking is off.
    wire
        The source's own word for the parameter that carries the effort.
    """

    host: str
    model: str
    endpoint: str = ""
    reasons: bool | None = None
    efforts: tuple[str, ...] | None = None
    allows: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    off: bool | None = None
    off_word: str = ""
    default: str = ""
    budget: tuple[int, int] | None = None
    out: int | None = None
    sampling: str = ""
    forced_tools: str = ""
    history: str = ""
    inband: bool | None = None
    above_high: str = ""
    wire: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """All facts of one source.

    Parameters
    ----------
    name
        Short name, as in the merge order.
    package, version, licence
        Where the facts come from.
    """

    name: str
    package: str
    version: str
    licence: str
    facts: tuple[Fact, ...]


_FIELDS = tuple(field.name for field in fields(Fact) if field.name not in ("host", "model"))
_DEFAULTS = {field.name: field.default for field in fields(Fact)}
_TUPLES = frozenset({"efforts", "allows", "refuses", "budget"})


def save(source: Source, folder: Path = FOLDER) -> Path:
    """Write a source's facts: one line a host, models with equal statements share one entry."""
    hosts: dict[str, dict[bytes, list[str]]] = {}
    for fact in source.facts:
        stated = {name: getattr(fact, name) for name in _FIELDS if getattr(fact, name) != _DEFAULTS[name]}
        shape = orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)
        hosts.setdefault(fact.host, {}).setdefault(shape, []).append(fact.model)
    head = {"package": source.package, "version": source.version, "licence": source.licence}
    lines = [
        orjson.dumps(host)
        + b":"
        + orjson.dumps([[orjson.loads(shape), sorted(models)] for shape, models in sorted(shapes.items())])
        for host, shapes in sorted(hosts.items())
    ]
    path = folder / f"{source.name}.json"
    path.write_bytes(b'{"source":' + orjson.dumps(head) + b',\n"hosts":{\n' + b",\n".join(lines) + b"\n}}\n")
    return path


def load(path: Path) -> Source:
    """Read what `save` wrote."""
    document = orjson.loads(path.read_bytes())
    head = document["source"]
    return Source(path.stem, head["package"], head["version"], head["licence"], tuple(_facts(document["hosts"])))


def load_all(folder: Path = FOLDER) -> tuple[Source, ...]:
    """Read every source of a folder, by name."""
    return tuple(load(path) for path in sorted(folder.glob("*.json")))


def _facts(hosts: Mapping[str, Sequence[tuple[Mapping[str, object], Sequence[str]]]]) -> Iterator[Fact]:
    for host, shapes in hosts.items():
        for shape, models in shapes:
            stated = {name: tuple(value) if name in _TUPLES else value for name, value in shape.items()}  # type: ignore[arg-type]
            for model in models:
                yield Fact(host, model, **stated)  # type: ignore[arg-type]
