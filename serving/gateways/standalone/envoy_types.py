"""Typed extensions in Envoy's configuration: every one is a name and an object that says its protobuf type."""

from __future__ import annotations

from typing import Any, Final

Config = dict[str, Any]
"""A JSON object of Envoy's configuration."""

_TYPE_PREFIX: Final = "type.googleapis.com/envoy.extensions."


def typed_config(type_name: str, fields: Config) -> Config:
    """Give an object with its type.

    Examples
    --------
    >>> typed_config("filters.http.router.v3.Router", {})
    {'@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router'}
    """
    return {"@type": _TYPE_PREFIX + type_name, **fields}


def named_extension(name: str, type_name: str, fields: Config) -> Config:
    """Give an extension: a filter, a logger, a transport socket."""
    return {"name": name, "typed_config": typed_config(type_name, fields)}
