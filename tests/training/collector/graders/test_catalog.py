"""Graders on right, wrong and hostile answers."""

from __future__ import annotations

import os
import sys
import time
import types
from pathlib import Path
from typing import Any

import psutil
import pytest

from training.collector.graders.answers import reasoning_gym
from training.collector.graders.base import BadCheck, Check
from training.collector.graders.catalog import GRADERS
from training.collector.graders.code_sandbox import isolation, unit_test
from training.collector.graders.llm_judge import judge_grade, judge_prompts


@pytest.mark.parametrize(
    ("grader", "answer", "more", "said", "success"),
    [
        ("exact", "Paris", {}, "  PARIS. ", 1.0),
        ("exact", "Paris", {}, "London", 0.0),
        ("numeric", "391", {}, "17 * 23 = 391", 1.0),
        ("numeric", "391", {}, "17 * 23 = 391\n<answer>392</answer>", 0.0),
        ("numeric", "-3", {}, "x is −3", 1.0),
        ("numeric", "0.25", {}, "25%", 1.0),
        ("numeric", "100", {"tolerance": 0.02}, "about 101", 1.0),
        ("numeric", "1e-3", {}, "0.001", 1.0),
        ("numeric", "5", {}, "1/0", 0.0),
        ("regex", None, {"pattern": "a+", "full": True}, "<answer>aaa</answer>", 1.0),
        ("regex", None, {"pattern": "a+", "full": True}, "aab", 0.0),
        ("json_schema", None, {"schema": {"required": ["a"]}}, 'Sure:\n```json\n{"a": 1}\n```', 1.0),
        ("json_schema", None, {"schema": {"required": ["a"]}}, '{"b": 1}', 0.0),
        ("json_schema", None, {"schema": {}}, "{", 0.0),
        ("json_schema", '{"a": 2}', {"schema": {}}, '{"a": 1}', 0.0),
    ],
)
def test_short_answers(grader: str, answer: str | None, more: dict[str, Any], said: str, success: float) -> None:
    assert GRADERS[grader](Check(grader, answer, more), said).success == success


@pytest.mark.parametrize(
    ("grader", "more"),
    [("exact", {}), ("regex", {"pattern": "("}), ("json_schema", {"schema": {"type": "nothing"}}), ("unit_test", {})],
)
def test_a_check_that_cannot_be_carried_out_says_so(grader: str, more: dict[str, Any]) -> None:
    with pytest.raises(BadCheck):
        GRADERS[grader](Check(grader, None, more), "x")


PYTHON = sys.executable
TESTS = {"test_it.py": "from answer import double\nassert double(4) == 8\n"}


def run(code: str, **more: Any) -> Any:
    told = {"command": [PYTHON, "-I", "-c", "import sys; sys.path.insert(0, '.'); import test_it"], "files": TESTS}
    return unit_test(Check("unit_test", None, told | more), f"```python\n{code}\n```")


def test_code_is_run_against_its_tests() -> None:
    assert run("def double(x):\n    return 2 * x").success == 1.0
    assert run("def double(x):\n    return x").note == "tests failed"


def test_code_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    mark = f"# {tmp_path.name} of {os.getpid()}"
    child = f"import time {mark}\nwhile True: time.sleep(0.05)\n"
    code = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {child!r}])\nwhile True: pass"
    assert run(code, seconds=1.5).note == "tests took too long"
    time.sleep(0.2)
    told = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in told if any(mark in word for word in line)]


def test_code_has_no_secrets_no_memory_to_waste_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-only-a-test")
    assert run("import os\nassert 'OPENAI_API_KEY' not in os.environ\ndef double(x): return 2 * x").success == 1.0
    assert run("x = bytearray(8 << 30)\ndef double(x): return 2 * x").success == 0.0
    if isolation():
        reach = "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9), 1)\nexcept OSError as e:\n    "
        assert run(reach + "assert e.errno in (99, 101)\ndef double(x): return 2 * x").success == 1.0


def test_code_writes_nowhere_but_in_its_folder(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    code = f"open('mine', 'w').write('x')\ntry:\n    open({str(kept)!r}, 'w').write('x')\nexcept OSError: pass\n"
    assert run(code + "def double(x): return 2 * x").success == 1.0
    if isolation():
        assert kept.read_text() == "kept"


def test_files_stay_in_their_folder() -> None:
    with pytest.raises(BadCheck, match="outside"):
        run("x", files={"../escaped.py": "x"})


def test_command_that_is_not_there() -> None:
    with pytest.raises(BadCheck):
        unit_test(Check("unit_test", None, {"command": ["no-such-program-at-all"]}), "x")


def test_reasoning_gym_absent_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(BadCheck, match="pip install reasoning-gym"):
        reasoning_gym(Check("reasoning_gym", None, {"dataset": "sums", "entry": {}}), "7")


def test_reasoning_gym_is_asked_for_its_own_verifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with the package's one function that we call: the package itself is no dependency."""
    package = types.ModuleType("reasoning_gym")
    package.get_score_answer_fn = lambda name: lambda answer, entry: 1.0 if answer == entry["answer"] else 0.01  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "reasoning_gym", package)
    check = Check("reasoning_gym", None, {"dataset": "sums", "entry": {"answer": "7"}})
    assert reasoning_gym(check, "so <answer>7</answer>").success == 1.0
    assert reasoning_gym(check, "8").success == 0.01


def test_judge_sees_both_orders_and_who_is_who_is_not_told() -> None:
    one, two = (turns[-1]["content"] for turns in judge_prompts(Check("judge", "REF"), "Q", "CAND"))
    assert one.index("CAND") < one.index("REF")
    assert two.index("REF") < two.index("CAND")
    assert "reference" not in one.lower()


def test_judge_without_a_reference_swaps_the_scale() -> None:
    one, two = (turns[-1]["content"] for turns in judge_prompts(Check("judge"), "Q", "CAND"))
    assert one.index("10: ") < one.index("0: wrong")
    assert two.index("0: wrong") < two.index("10: ")


@pytest.mark.parametrize("reply", ["", "ten", '{"answer_1": true}', '{"answer_1": 11}', '{"answer_2": 3}', "{" * 50])
def test_judge_without_a_mark_gives_no_verdict(reply: str) -> None:
    assert judge_grade(Check("judge"), [reply, '{"answer_1": 5}']).success is None
