"""Line numbers of TOML keys: in every form of the syntax, and for every key of any valid file."""

from __future__ import annotations

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.policy.toml_positions import key_lines

TRICKY = '''\
# a = 1
a = """
b = 2
[c]
"""
"d.e" = { f = [
  1, # one ]
  { g = "}" },
], 'h' = 3 }
[[i.j]]
k = 1
[i.j.l]
m = 2
[[i.j]]
k . n = \'\'\'x
y\'\'\'
o = 1979-05-27T07:32:00Z
'''


def test_lines_are_found_in_every_form_of_toml() -> None:
    tomllib.loads(TRICKY)
    lines = key_lines(TRICKY)
    assert lines["a",] == 2
    assert lines["d.e",] == 6
    assert lines["d.e", "f", 0] == 7
    assert lines["d.e", "f", 1, "g"] == 8
    assert lines["d.e", "h"] == 9
    assert lines["i", "j", 0, "k"] == 11
    assert lines["i", "j", 0, "l", "m"] == 13
    assert lines["i", "j", 1] == 14
    assert lines["i", "j", 1, "k", "n"] == 15
    assert lines["i", "j", 1, "o"] == 17


def quoted(text: str) -> str:
    return '"' + "".join(c if c.isalnum() else f"\\U{ord(c):08x}" for c in text) + '"'


KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


VALUES = st.recursive(
    st.integers().map(str) | st.booleans().map(lambda b: str(b).lower()) | KEYS.map(quoted),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ",\n".join(items) + "\n]")
        | st.dictionaries(KEYS.map(quoted), inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        )
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(KEYS.map(quoted), VALUES, max_size=4), st.dictionaries(KEYS.map(quoted), VALUES, max_size=3))
def test_every_key_of_a_valid_file_has_its_line(top: dict[str, str], table: dict[str, str]) -> None:
    body = [*top.items(), *([("table", "")] if table else []), *table.items()]
    text = "".join(f"{key} = {value}\n" if value else "[table]\n" for key, value in body)
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a key of the table may stand twice, or be a number too large
    lines = key_lines(text)

    def check(path: tuple[str | int, ...], value: object) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            assert (*path, key) in lines
            check((*path, key), inner)

    check((), parsed)
    numbers = [lines[key,] for key in parsed]
    assert numbers == sorted(numbers)


def test_dotted_keys_and_tables_keep_the_line_of_their_first_mention() -> None:
    lines = key_lines("a.b = 1\na.c = 2\n[d.e]\nf = 3\n[d.g]\n")
    assert (lines["a",], lines["a", "b"], lines["a", "c"]) == (1, 1, 2)
    assert (lines["d", "e"], lines["d", "e", "f"], lines["d", "g"]) == (3, 4, 5)


def test_an_empty_document_has_no_keys() -> None:
    assert key_lines("") == key_lines("\n# nothing = 1\n") == {}
