"""Updates the frozen registry, and explains where one model's row comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from serving.decision.providers.capabilities import (
    REGISTRY,
    Capability,
    find_capability,
    host_name,
    host_of,
    load_registry,
    name_keys,
    read_overrides,
)
from training.capabilities.build import OVERRIDES, build_registry
from training.capabilities.contradictions import load_accepted, refuse_new, save_accepted
from training.capabilities.downloads import read_sources
from training.capabilities.facts import load_all, save


def refresh_registry(folder: Path | None, models_dev: Path | None, accept_contradictions: bool) -> Iterator[str]:
    """Write the registry from the committed facts, after extracting them anew where a folder for downloads is given.

    Parameters
    ----------
    folder
        Where packages are downloaded to; None: the committed facts are used as they are.
    models_dev
        Git directory of a clone of models.dev; None: its committed facts stay.
    accept_contradictions
        New contradictions among sources are settled by the order of merging.

    Yields
    ------
    str
        What was done, a line each.

    Raises
    ------
    NewContradiction
        Sources disagree on a maker's model in a way that nobody has looked at; the registry stays as it was.
    """
    if folder is not None:
        for source in read_sources(folder, models_dev):
            save(source)
            yield f"{source.name}: {len(source.facts)} facts from {source.package} {source.version}"
    built = build_registry(load_all(), read_overrides(OVERRIDES))
    if accept_contradictions:
        save_accepted(built.contradictions)
    refuse_new(built.contradictions, load_accepted())
    for override in built.agreed:
        yield f"capabilities.toml, line {override.line}: the sources say so too by now, take this override out"
    is_new = REGISTRY.read_bytes() != built.text
    REGISTRY.write_bytes(built.text)
    load_registry.cache_clear()
    yield f"{load_registry().version}: {len(built.rows)} rows, {'changed' if is_new else 'as before'}"


def explain_row(host: str, model: str) -> Iterator[tuple[str, str, str]]:
    """Yield what is known of one model at one host: field, value, and which source said so (with those that disagree).

    Examples
    --------
    >>> dict((field, value) for field, value, _ in explain_row("xai", "grok-4.5"))["efforts"]
    'low, medium, high'
    """
    found = find_capability(model, host)
    where = host_name(host) if host else host_of(model)
    rows = {row.key: row for row in build_registry(load_all(), read_overrides(OVERRIDES)).rows if row.host == where}
    row = next((rows[key] for key in name_keys(model) if key in rows), None)
    for field in fields(Capability):
        value = getattr(found, field.name)
        name = {"output_tokens": "out", "budgets": "budget", "off_above_high": "above_high"}.get(field.name, field.name)
        source = "" if row is None else row.sources.get(name, "")
        claims = {} if row is None else row.claims.get(name, {})
        own = claims.get(source)
        others = [f"{other}: {said}" for other, said in claims.items() if other != source and said != own]
        note = source + (f" (against {', '.join(others)})" if others and source else "")
        yield field.name, ", ".join(map(str, value)) if isinstance(value, tuple) else str(value), note
