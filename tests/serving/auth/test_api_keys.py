"""Keys: only the right secret opens, the file is read strictly, and a bad one changes nothing."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.auth.api_keys import Key, KeyRing, make_key
from serving.auth.key_file import BadKeys, KeyFile, load_keys, parse_keys, write_keys

MADE = make_key("gateway", ["decide"], expires_at=1000.0)
RING = KeyRing({MADE.key.key_id: MADE.key})


def test_a_key_proves_itself_until_it_expires() -> None:
    assert RING.find(MADE.token, 999.0) is MADE.key
    assert RING.find(MADE.token, 1000.0) is None


def test_the_secret_is_kept_nowhere() -> None:
    assert MADE.token not in repr(MADE)
    assert MADE.key.digest == hashlib.sha256(MADE.token.encode()).digest()
    secret = MADE.token.rpartition("_")[2]
    assert len(secret) == 64
    assert secret not in repr(MADE.key)


@given(st.one_of(st.text(max_size=300), st.integers(0, len(MADE.token) - 1).map(lambda at: _flipped(MADE.token, at))))
def test_nothing_else_opens(token: str) -> None:
    assert RING.find(token, 0.0) is None


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    keys = [
        make_key('a "quoted" \\ name', ["decide", "report"]).key,
        make_key("b", ["admin", "metrics"], 2.5, 10.0, 1_800_000_000.0).key,
    ]
    write_keys(path, keys)
    assert list(load_keys(path).keys.values()) == keys
    assert path.stat().st_mode & 0o777 & ~0o640 == 0
    assert list(tmp_path.iterdir()) == [path]


GOOD = f'[[key]]\nid = "abcd2345"\nname = "g"\nsha256 = "{"0" * 64}"\nscopes = ["decide"]\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD.replace("abcd2345", "ABCD"), "line 2, key[1].id"),
        (GOOD.replace('"g"', "7"), "line 3, key[1].name"),
        (GOOD.replace("0" * 64, "00"), "line 4, key[1].sha256"),
        (GOOD.replace("decide", "rule"), "decide, report, metrics, admin"),
        (GOOD.replace('scopes = ["decide"]', ""), "scopes"),
        (GOOD + GOOD, "stands here twice"),
        (GOOD + "decisions_per_second = 0\n", "decisions_per_second"),
        (GOOD + "decisions_per_second = nan\n", "decisions_per_second"),
        (GOOD + "burst = 0.5\n", "burst"),
        (GOOD + 'expires = "tomorrow"\n', "2027-01-31T12:00:00+00:00"),
        (GOOD + "secret = 1\n", "unknown key"),
        ("[[key", "not TOML"),
    ],
)
def test_a_fault_is_named(text: str, fault: str) -> None:
    with pytest.raises(BadKeys) as caught:
        parse_keys(text)
    assert fault in str(caught.value)


def test_a_file_that_anybody_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(GOOD)
    path.chmod(0o666)
    with pytest.raises(BadKeys, match="chmod o-w"):
        load_keys(path)
    with pytest.raises(BadKeys, match="thinkgate-keys new"):
        load_keys(tmp_path / "none.toml")
    empty = tmp_path / "empty.toml"
    empty.touch(0o600)
    with pytest.raises(BadKeys, match="holds no key"):
        KeyFile(empty)


def test_a_watched_file_changes_keys_and_a_bad_one_does_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "keys.toml"
    first, second = make_key("one", ["decide"]), make_key("one", ["decide"])
    write_keys(path, [first.key])
    source = KeyFile(path)
    assert not source.refresh()
    write_keys(path, [first.key, second.key])
    assert source.refresh()
    assert _live(source, first.key, second.key)
    with caplog.at_level(logging.ERROR):
        path.write_text("[[key")
        assert not source.refresh()
        assert not source.refresh()
    assert len(caplog.records) == 1
    assert _live(source, first.key, second.key)
    path.unlink()
    assert not source.refresh()
    assert _live(source, first.key, second.key)
    write_keys(path, [second.key])
    assert source.refresh()
    assert _live(source, second.key)
    os.utime(path)
    assert not source.refresh()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadKeys, match="--file FILE"):
        write_keys(tmp_path / "no" / "keys.toml", [MADE.key])


def _live(source: KeyFile, *keys: Key) -> bool:
    return set(source.ring.keys) == {key.key_id for key in keys}


def _flipped(token: str, at: int) -> str:
    other = "b" if token[at] != "b" else "c"
    return token[:at] + other + token[at + 1 :]
