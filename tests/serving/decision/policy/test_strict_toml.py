"""The strict TOML reader: values in range, unknown keys, all errors at once in the order of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from serving.decision.errors import BadArms, BadInput
from serving.decision.policy.strict_toml import Section, TomlFile, format_key, read_text


def errors_of(text: str, read: Callable[[Section], object]) -> list[str]:
    """Read a document and list its errors, without the name of the file."""
    file = TomlFile(text, "f.toml", BadArms)
    read(file.root)
    file.root.close()
    try:
        file.finish()
    except BadArms as caught:
        return [line.removeprefix("f.toml, ") for line in str(caught).splitlines()]
    return []


@pytest.mark.parametrize(
    ("text", "read", "expected"),
    [
        ("", lambda root: root.number("x", 3.0), 3.0),
        ("x = 2", lambda root: root.number("x", 3.0), 2.0),
        ("x = 0", lambda root: root.number("x", 3.0), 0.0),
        ("x = 4", lambda root: root.whole("x", 3), 4),
        ("x = 4.0", lambda root: root.whole("x", 3), 4),
        ('x = "y"', lambda root: root.text("x"), "y"),
        ('x = "b"', lambda root: root.choice("x", "a", ("a", "b")), "b"),
        ("x = true", lambda root: root.flag("x", False), True),
        ('x = "y"', lambda root: root.strings("x"), ("y",)),
        ('x = ["y", "z"]', lambda root: root.strings("x"), ("y", "z")),
        ("", lambda root: root.strings("x"), ()),
        ("", lambda root: root.sections("x"), ()),
        ("", lambda root: root.section("x").keys, ()),
    ],
)
def test_values_are_read_or_defaulted(text: str, read: Callable[[Section], object], expected: object) -> None:
    file = TomlFile(text, "f.toml", BadArms)
    assert read(file.root) == expected
    file.root.close()
    file.finish()


@pytest.mark.parametrize(
    ("text", "read", "error"),
    [
        ("x = -1", lambda root: root.number("x", 3.0), "line 1, x: -1 is outside [0, infinity)"),
        ("x = 0", lambda root: root.number("x", 3.0, above=True), "line 1, x: 0 is outside (0, infinity)"),
        ("x = 2", lambda root: root.number("x", 0.5, high=1.0), "line 1, x: 2 is outside [0, 1]"),
        ("x = nan", lambda root: root.number("x", 3.0), "line 1, x: nan is outside [0, infinity)"),
        ("x = true", lambda root: root.number("x", 3.0), "line 1, x: write a number, not true or false"),
        ("x = 1979-05-27", lambda root: root.number("x", 3.0), "line 1, x: write a number, not a date"),
        ("x = 1.5", lambda root: root.whole("x", 3), "line 1, x: 1.5 is not a whole number"),
        ("", lambda root: root.text("x"), "line 1, x: missing: add it"),
        ('x = " "', lambda root: root.text("x", "y"), "line 1, x: write a string that is not empty"),
        ("x = 1", lambda root: root.flag("x", False), "line 1, x: write true or false, not a number"),
        ("x = []", lambda root: root.strings("x"), "line 1, x: write a string, or a list of strings that is not empty"),
        ("x = 1", lambda root: root.section("x"), "line 1, x: write a table, not a number"),
        ("x = [1]", lambda root: root.sections("x"), "line 1, x: write [[x]] tables"),
        (
            'x = "resaon"',
            lambda root: root.choice("x", "a", ("reason", "baseline")),
            "line 1, x: 'resaon' is not known (did you mean 'reason'?); choose one of reason, baseline",
        ),
        (
            "namee = 1",
            lambda root: root.text("name", "a"),
            "line 1, namee: unknown key (did you mean 'name'?); known here: name",
        ),
    ],
)
def test_an_invalid_value_is_named_with_the_cure(text: str, read: Callable[[Section], object], error: str) -> None:
    assert errors_of(text, read) == [error]


def test_all_errors_are_raised_together_in_the_order_of_the_file() -> None:
    def read(root: Section) -> None:
        root.number("late", 0.0)
        root.number("early", 0.0)

    assert [error[:7] for error in errors_of("early = -1\nother = 1\nlate = -1", read)] == [
        "line 1,",
        "line 2,",
        "line 3,",
    ]


def test_an_error_of_a_missing_key_points_to_its_table() -> None:
    def read(root: Section) -> None:
        table = root.section("t")
        table.number("b", 0.0)
        table.text("name")
        table.close()

    assert errors_of("\n[t]\nb = 2", read) == ["line 2, t.name: missing: add it"]


def test_what_is_not_toml_is_named_by_line_and_column() -> None:
    with pytest.raises(BadInput, match=r"^f\.toml, line 2: not TOML here \(column 5\)"):
        TomlFile("a = 1\nb = oops", "f.toml", BadInput)


def test_a_file_is_read_without_byte_order_mark_and_carriage_returns(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    assert read_text(path, BadInput) == "a = 1\nb = 2\n"
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(BadInput, match=r"f\.toml is not UTF-8 \(byte 5\): save it as UTF-8"):
        read_text(path, BadInput)
    with pytest.raises(BadInput, match=r"cannot read .*gone: No such file"):
        read_text(tmp_path / "gone", BadInput)


def test_key_paths_count_array_items_from_one() -> None:
    assert format_key(("rule", 0, "deny")) == "rule[1].deny"
    assert format_key(("a b", "c-d")) == "'a b'.c-d"
    assert format_key(()) == "the file"
