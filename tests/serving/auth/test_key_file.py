"""Key file: read strictly, replaced whole, and a bad file leaves the last good keys in force."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path

import pytest

from serving.auth.api_keys import Key, make_key
from serving.auth.key_file import BadKeys, KeyFile, load_keys, parse_keys, write_keys


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
        write_keys(tmp_path / "no" / "keys.toml", [make_key("gateway", ["decide"]).key])


def _live(source: KeyFile, *keys: Key) -> bool:
    return set(source.ring.keys) == {key.key_id for key in keys}


def test_defaults_are_unlimited_and_a_burst_is_a_seconds_worth() -> None:
    (key,) = parse_keys(GOOD).keys.values()
    assert (key.decisions_per_second, key.burst, key.expires_at) == (math.inf, math.inf, math.inf)
    (key,) = parse_keys(GOOD + "decisions_per_second = 2.5\n").keys.values()
    assert (key.decisions_per_second, key.burst) == (2.5, 2.5)


def test_a_moment_without_a_time_zone_is_utc() -> None:
    (key,) = parse_keys(GOOD + 'expires = "1970-01-02T00:00:00"\n').keys.values()
    assert key.expires_at == 86_400.0


def test_a_rewritten_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(GOOD)
    path.chmod(0o600)
    write_keys(path, load_keys(path).keys.values())
    assert path.stat().st_mode & 0o777 == 0o600
