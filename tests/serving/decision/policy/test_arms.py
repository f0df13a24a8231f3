"""`arms.toml`: what is read, and that every fault is named by line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.decision.errors import BadArms
from serving.decision.policy.arms import load_arms, parse_arms, with_prices
from serving.decision.types import Arm, Price, Usd

GOOD = """
[[arm]]
name = "direct"
model = "gpt-5.1"
[[arm]]
name = "reasoning"
model = "gpt-5.1"
effort = "high"
default_output_tokens = 2500
price_usd_per_mtok = { input = 1.25, cached_input = 0.125, output = 10.0 }
[[arm]]
name = "own"
model = "qwen3"
effort = "low"
gpu_usd_per_second = 0.0011
"""


def test_reads_every_field(tmp_path: Path) -> None:
    path = tmp_path / "arms.toml"
    path.write_text(GOOD)
    assert load_arms(path) == (
        Arm("direct", "gpt-5.1", "none", 300.0, 2000.0),
        Arm("reasoning", "gpt-5.1", "high", 2500.0, 20000.0, Price(1.25, 10.0, 0.125)),
        Arm("own", "qwen3", "low", 800.0, 6000.0, gpu_usd_per_second=Usd(0.0011)),
    )


def test_arms_that_think_more_are_taken_to_write_more_until_history_tells() -> None:
    text = "".join(f'[[arm]]\nname="{e}"\nmodel="m"\neffort="{e}"\n' for e in ("none", "minimal", "low", "high", "max"))
    tokens = [arm.default_output_tokens for arm in parse_arms(text)]
    assert tokens == sorted(set(tokens))


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ('effort = "high"', 'effort = "hihg"', 8, "arm[2].effort"),
        ('name = "reasoning"', 'name = "direct"', 6, "arm[2].name"),
        ("input = 1.25", "input = -1", 10, "arm[2].price_usd_per_mtok.input"),
        ("output = 10.0", "ouput = 10.0", 10, "arm[2].price_usd_per_mtok.ouput"),
        ("cached_input = 0.125", "cached_input = 12", 10, "cached_input"),
        ("default_output_tokens = 2500", 'default_output_tokens = "many"', 9, "arm[2].default_output_tokens"),
        ("default_output_tokens = 2500", "default_output_tokens = 0", 9, "arm[2].default_output_tokens"),
        ("default_output_tokens = 2500", "default_output_tokens = nan", 9, "arm[2].default_output_tokens"),
        ("gpu_usd_per_second = 0.0011", "gpu_usd_per_second = true", 15, "arm[3].gpu_usd_per_second"),
        ('model = "qwen3"', "", 11, "arm[3].model"),
        ('model = "qwen3"', 'model = " "', 13, "arm[3].model"),
    ],
)
def test_a_fault_is_named_by_line_and_key(old: str, new: str, line: int, key: str) -> None:
    assert old in GOOD
    with pytest.raises(BadArms) as caught:
        parse_arms(GOOD.replace(old, new))
    assert f"line {line}, " in str(caught.value)
    assert key in str(caught.value)


def test_all_faults_come_at_once_in_file_order() -> None:
    with pytest.raises(BadArms) as caught:
        parse_arms(GOOD.replace("0.0011", "-1").replace('effort = "high"', 'effort = "hihg"'))
    first, second = str(caught.value).splitlines()
    assert "line 8" in first
    assert "did you mean 'high'" in first
    assert "line 15" in second


def test_two_ways_to_pay_exclude_each_other() -> None:
    with pytest.raises(BadArms, match=r"line 16, arm\[3\]\.gpu_usd_per_second: .*leave one"):
        parse_arms(GOOD.replace("gpu_usd", "price_usd_per_mtok = { input = 1, output = 1 }\ngpu_usd"))


@pytest.mark.parametrize("text", ["", '[[arm]]\nname = "a"\nmodel = "m"\n', "arm = 3", 'arm = ["x"]'])
def test_fewer_than_two_arms_are_refused(text: str) -> None:
    with pytest.raises(BadArms, match=r"arms\.toml, line 1"):
        parse_arms(text)


def test_what_is_not_toml_is_named_by_line() -> None:
    with pytest.raises(BadArms, match=r"arms\.toml, line 2: not TOML here \(column 8\)"):
        parse_arms("[[arm]]\nname = oops\n")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadArms, match=r"no\.toml"):
        load_arms(tmp_path / "no.toml")
    (tmp_path / "bad.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(BadArms, match=r"bad\.toml is not UTF-8 \(byte 5\)"):
        load_arms(tmp_path / "bad.toml")


def test_windows_line_ends_and_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "arms.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_arms(path) == parse_arms(GOOD)


def test_newer_prices_replace_older_ones_and_nothing_else() -> None:
    arms = parse_arms(GOOD)
    dearer = parse_arms(GOOD.replace("output = 10.0", "output = 20.0").replace("2500", "9999"))
    merged = with_prices(arms, dearer)
    assert merged[1].price == Price(1.25, 20.0, 0.125)
    assert merged[1].default_output_tokens == 2500
    assert merged[0] == arms[0]


def test_newer_prices_of_another_arm_are_refused() -> None:
    arms = parse_arms(GOOD)
    with pytest.raises(BadArms, match="'own' is missing"):
        with_prices(arms, arms[:2])
    with pytest.raises(BadArms, match="train on its history"):
        with_prices(arms, parse_arms(GOOD.replace('"qwen3"', '"qwen4"')))
