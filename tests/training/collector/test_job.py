"""Jobs and the keys of their calls."""

from __future__ import annotations

from pathlib import Path

from tests.support.collection_jobs import job
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.job import call_keys, judge_key


def test_every_prompt_arm_and_run_has_its_own_key(tmp_path: Path) -> None:
    keys = [each.key for each in call_keys(job(tmp_path, FakeEndpoint(), 3, runs=2))]
    assert len(keys) == len(set(keys)) == 3 * 2 * 2


def test_keys_do_not_depend_on_the_file_or_its_order(tmp_path: Path) -> None:
    rows = [{"prompt": "a", "task": "t"}, {"prompt": "b"}]
    (tmp_path / "other").mkdir()
    one, two = (
        {each.key for each in call_keys(job(folder, FakeEndpoint(), given))}
        for folder, given in ((tmp_path, rows), (tmp_path / "other", [{"prompt": "b", "answer": "1"}, {"prompt": "a"}]))
    )
    assert one == two


def test_more_runs_keep_the_keys_of_the_earlier_ones(tmp_path: Path) -> None:
    few, many = ({each.key for each in call_keys(job(tmp_path, FakeEndpoint(), 2, runs=runs))} for runs in (1, 3))
    assert few < many


def test_the_judges_two_orders_have_keys_of_their_own(tmp_path: Path) -> None:
    (first, *_) = call_keys(job(tmp_path, FakeEndpoint(), 1))
    assert len({first.key, judge_key(first.key, 0), judge_key(first.key, 1)}) == 3
