"""Texts of the synthetic world: complete, varied, and telling of the difficulty, but never all of it."""

from __future__ import annotations

import re

import lightgbm as lgb
import numpy as np
import pytest

from training.synthetic import LANGUAGES, TASKS, BadWorld, World
from training.synthetic.prompt_templates import load_wording
from training.synthetic.task_types import BASE_TASKS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_task_is_written_in_every_language(language: str) -> None:
    rng = np.random.default_rng(1)
    words = load_wording(language)
    for task in BASE_TASKS:
        texts = words.write(rng, task, np.linspace(0, 1, 60))
        assert all(text.strip() for text in texts)
        assert not any(re.search(r"\{\w+\}|#", text) for text in texts), task
        assert len(set(texts)) > (20 if task == "trivia" else 45), task
    talks = words.converse(rng, ["{text} {0}"] * 20, np.linspace(0, 1, 20))
    assert all("{text} {0}" in ask and "{steps}" not in reply for ask, reply, _ in talks)


def test_an_unknown_language_names_the_cure() -> None:
    with pytest.raises(BadWorld, match=r"add training/synthetic/templates/xx\.toml"):
        load_wording("xx")


def test_harder_prompts_look_harder() -> None:
    rng = np.random.default_rng(2)
    for language in LANGUAGES:
        for task in ("planning", "code", "synthesis", "maths"):
            easy = np.mean([len(text) for text in load_wording(language).write(rng, task, np.full(150, 0.1))])
            hard = np.mean([len(text) for text in load_wording(language).write(rng, task, np.full(150, 0.9))])
            assert hard > 1.2 * easy, (language, task)


def test_two_people_in_a_prompt_are_two() -> None:
    words = load_wording("en")
    names = next(slot for template in words.templates["planning"] for slot, count in template.slots if count == 2)
    first, second = names.draw(np.random.default_rng(3), np.zeros(500), 2)
    assert all(one != other for one, other in zip(first, second, strict=True))


def test_prompts_seldom_repeat() -> None:
    draws = World(seed=6).sample(4096)
    assert len(set(draws.texts)) > 0.9 * len(draws)
    templated = draws.take(np.isin(draws.tasks.tolist(), ["maths", "planning", "code", "synthesis"]))
    assert len(set(templated.texts)) > 0.97 * len(templated)


def read_off(text: str) -> tuple[float, ...]:
    numbers = [float(number) for number in re.findall(r"\d+", text)]
    marks = [float(text.count(mark)) for mark in ("?", "\n- ", "\n* ", ",", ".", ":", "\n")]
    return (len(text), len(numbers), max(numbers, default=0.0), len(text.split()), *marks)


def test_text_tells_part_of_the_uplift() -> None:
    """A small model on counts beats chance on unseen prompts, and stays below what only the truth knows."""
    world = World(seed=8)
    draws = world.sample(10_000)
    success = world.records(draws)["success"].to_numpy().reshape(-1, 2)
    counts = np.array([read_off(text) for text in draws.texts])
    settings = {"objective": "l2", "num_leaves": 15, "learning_rate": 0.08, "num_threads": 1, "verbose": -1, "seed": 1}
    known = lgb.Dataset(counts[:7000], success[:7000, 1] - success[:7000, 0])
    scores = np.asarray(lgb.train(settings, known, 80).predict(counts[7000:]))
    true, knowable = draws.uplift[7000:, 0], draws.expected_success[7000:, 1] - draws.expected_success[7000:, 0]

    def gain(order: np.ndarray) -> float:
        return float(true[np.argsort(-order)[:1000]].mean() - true.mean())

    best = gain(true)
    assert 0.3 * best < gain(scores) < 0.9 * best
    assert gain(scores) < gain(knowable) < best


def test_length_alone_misleads() -> None:
    """Trick questions are short and gain most, summaries are long and gain least."""
    draws = World(seed=8).sample(4096)
    lengths = np.array([len(text) for text in draws.texts])
    tricks, summaries = draws.tasks == "trick_question", draws.tasks == "summarising"
    assert np.median(lengths[tricks]) < np.median(lengths[summaries])
    assert draws.uplift[tricks].mean() > draws.uplift[summaries].mean() + 0.3
    assert set(TASKS) == set(draws.tasks)
