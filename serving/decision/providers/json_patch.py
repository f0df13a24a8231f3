"""JSON patches between two bodies: RFC 7396 merge patch and RFC 6902 operations."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal, cast

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Body = dict[str, Json]


@dataclass(frozen=True, slots=True)
class PatchOperation:
    """One RFC 6902 operation."""

    op: Literal["add", "replace", "remove"]
    path: str
    value: Json = None

    def to_json(self) -> Body:
        """Give the operation as JSON."""
        body: Body = {"op": self.op, "path": self.path}
        if self.op != "remove":
            body["value"] = self.value
        return body


def merge_patch(old: Body, new: Body) -> Body:
    """Build the merge patch (RFC 7396) that turns `old` into `new`; removed keys are null.

    >>> merge_patch({"a": 1, "b": 2}, {"a": 1, "c": 3})
    {'b': None, 'c': 3}
    """
    merged: Body = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if key not in old or _differs(before, value):
            nested = isinstance(before, dict) and isinstance(value, dict)
            merged[key] = merge_patch(cast(Body, before), cast(Body, value)) if nested else value
    return merged


def diff_patch(old: Body, new: Body, path: str = "") -> tuple[PatchOperation, ...]:
    """List the operations (RFC 6902) that turn `old` into `new`; lists are replaced whole."""
    operations: list[PatchOperation] = []
    for key in [*old, *(key for key in new if key not in old)]:
        place = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        if key not in new:
            operations.append(PatchOperation("remove", place))
        elif key not in old:
            operations.append(PatchOperation("add", place, new[key]))
        elif old[key] is new[key]:
            continue
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            operations += diff_patch(cast(Body, old[key]), cast(Body, new[key]), place)
        elif _differs(old[key], new[key]):
            operations.append(PatchOperation("replace", place, new[key]))
    return tuple(operations)


def copy_objects(body: Body, keys: Set[str]) -> Body:
    """Copy a body, and the objects under `keys` two levels deep, so that these may be modified; the rest is shared.

    >>> old = {"a": {"b": {}}, "c": {}}
    >>> new = copy_objects(old, {"a"})
    >>> new["a"]["b"] is old["a"]["b"], new["c"] is old["c"]
    (False, True)
    """
    new = dict(body)
    for key, value in body.items():
        if key in keys and isinstance(value, dict):
            new[key] = {name: dict(inner) if isinstance(inner, dict) else inner for name, inner in value.items()}
    return new


def _differs(old: Json, new: Json) -> bool:
    return old is not new and (type(old) is not type(new) or old != new)
