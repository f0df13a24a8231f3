"""Patches turn one body into the other, by the rules of RFC 7396 and RFC 6902."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from serving.decision.providers.json_patch import PatchOperation, diff_patch, merge_patch

leaves = st.booleans() | st.integers(-9, 9) | st.text("ab/~", max_size=3)
values = st.recursive(leaves | st.lists(leaves, max_size=2), lambda v: st.dictionaries(st.text("ab/~", max_size=2), v))
bodies = st.dictionaries(st.text("ab/~", max_size=2), values, max_size=4)


def _merged(body: Any, patch: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(body) if isinstance(body, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _applied(body: Any, operations: tuple[PatchOperation, ...]) -> Any:
    """RFC 6902, for objects."""
    result = copy.deepcopy(body)
    for operation in operations:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation.path.split("/")[1:]]
        place = result
        for part in parents:
            place = place[part]
        if operation.op == "remove":
            del place[last]
        else:
            assert (operation.op == "add") is (last not in place)
            place[last] = operation.value
    return result


@given(bodies, bodies)
def test_both_patches_give_the_new_body(old: Any, new: Any) -> None:
    assert _merged(old, merge_patch(old, new)) == new
    assert _applied(old, diff_patch(old, new)) == new


@given(bodies)
def test_nothing_changed_is_an_empty_patch(body: Any) -> None:
    assert merge_patch(body, copy.deepcopy(body)) == {}
    assert diff_patch(body, copy.deepcopy(body)) == ()


def test_a_flag_is_not_a_number() -> None:
    assert merge_patch({"a": 1}, {"a": True}) == {"a": True}
    assert diff_patch({"a": 1}, {"a": 1.0}) == (PatchOperation("replace", "/a", 1.0),)


def test_names_are_escaped_and_removals_carry_no_value() -> None:
    (operation,) = diff_patch({"a/b~c": 1}, {})
    assert operation.to_json() == {"op": "remove", "path": "/a~1b~0c"}
