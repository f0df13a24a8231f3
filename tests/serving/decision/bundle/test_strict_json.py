"""Strict JSON: types are exact, errors name the field, unread fields are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from serving.decision.bundle.strict_json import FieldReader, parse_object
from serving.decision.errors import BundleCorrupt

Read = Callable[[FieldReader, str], object]


def reader(value: object) -> FieldReader:
    return FieldReader({"x": value}, "file.json", "arms[0].")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "7", '{"a": NaN}', '{"a": -Infinity}', '{"a": 1} x', "[" * 100_000, '{"a":' * 50_000],
    ids=range(10),
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(BundleCorrupt, match=r"^file\.json: not "):
        parse_object(text, "file.json")


def test_escaped_lone_surrogates_are_kept() -> None:
    assert parse_object(r'{"a": "\ud800"}', "file.json") == {"a": "\ud800"}


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (FieldReader.string, ["", "a"], [1, None, ["a"]]),
        (FieldReader.boolean, [True, False], [0, 1, "true", None]),
        (FieldReader.integer, [0, 7, 10**30], [-1, True, 1.0, "1", None]),
        (FieldReader.number, [0, -1.5, 10**20], [True, "1", None, [1], 10**400]),
        (FieldReader.free_object, [{}, {"a": None}], [[], None, "{}"]),
        (FieldReader.strings, [[], ["a", ""]], [["a", 1], "a", None]),
        (FieldReader.numbers, [[], [1, 2.5]], [[True], ["1"], [None], 1]),
        (FieldReader.nested_list, [[]], [[1], {}, [{}, None]]),
        (FieldReader.nested, [], [[], "x", None]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_types_are_exact(read: Read, good: list[object], bad: list[object]) -> None:
    for value in good:
        found = read(reader(value), "x")
        assert (list(found) if isinstance(found, tuple) else found) == value
    for value in bad:
        with pytest.raises(BundleCorrupt, match=r"^file\.json: arms\[0\]\.x (must be|is too large)"):
            read(reader(value), "x")
        with pytest.raises(BundleCorrupt, match=r"arms\[0\]\.y is missing"):
            read(reader(value), "y")


def test_a_choice_names_what_is_allowed() -> None:
    assert reader("b").choice("x", ("a", "b")) == "b"
    with pytest.raises(BundleCorrupt, match="x must be one of a, b"):
        reader("c").choice("x", ("a", "b"))


def test_optional_is_null_or_read_but_never_missing() -> None:
    fields = reader(None)
    assert fields.optional("x", fields.string) is None
    fields.finish()
    other = reader("a")
    assert other.optional("x", other.string) == "a"
    with pytest.raises(BundleCorrupt, match="y is missing"):
        other.optional("y", other.string)
    with pytest.raises(BundleCorrupt, match="x must be a string"):
        reader(1).optional("x", reader(1).string)


def test_unread_fields_are_refused_and_named_by_their_path() -> None:
    top = FieldReader({"arms": [{}, {"price": {"input": 1, "tax": 2}}], "b": 1, "a": 1}, "file.json")
    first, second = top.nested_list("arms")
    first.finish()
    price = second.nested("price")
    assert price.number("input") == 1.0
    second.finish()
    with pytest.raises(BundleCorrupt, match=r"file\.json: arms\[1\]\.price\.tax is not a field"):
        price.finish()
    with pytest.raises(BundleCorrupt, match=r"file\.json: a is not a field"):
        top.finish()
    top.integer("a")
    top.integer("b")
    top.finish()
