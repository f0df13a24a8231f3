"""What a coding tool puts around a request does not change its forecast: a bundle trained on SYNTHETIC records."""

from __future__ import annotations

import pytest

from serving.decision import Engine, Message, Request
from serving.decision.bundle import Bundle
from tests.support.synthetic_journal import QUICK
from training.pipeline.train import TrainSettings, train
from training.synthetic import World

ASKS = (
    "hi",
    "Extract all e-mail addresses from this text: write to ann@example.org or bob@example.com by Friday.",
    "Rename the variable x to total in this code: x = 0; for p in prices: x += p",
    "Prove that the sum of two consecutive odd numbers is divisible by four.",
)
REMINDER = (
    "<system-reminder>\n"
    + "Solve each step with care: 3 + 4 = 7, plan, verify and test. " * 140
    + "\n</system-reminder>"
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("harness")
    world = World(seed=11)
    world.records(world.sample(900)).to_parquet(folder / "history.parquet")
    settings = TrainSettings(fit=QUICK, resamples=40, baselines=False)
    return train([str(folder / "history.parquet")], folder / "bundle", settings).exported.bundle


def uplifts(engine: Engine, front: str = "", *turns: Message) -> list[float]:
    """Give the uplift that each ask is decided by, and check that all went through the bundle."""
    return [engine.record(Request((*turns, Message("user", f"{front}{ask}")))).prediction.uplift[0] for ask in ASKS]


def test_a_reminder_in_front_changes_neither_order_nor_size(bundle: Bundle) -> None:
    assert len(REMINDER) > 8000
    engine = Engine(bundle)
    bare = uplifts(engine)
    assert bare.index(max(bare)) == 3, "the proof is what reasoning pays for most"
    assert max(bare[:3]) < bare[3] - 0.03
    for reminded in (
        uplifts(engine, f"{REMINDER}\n"),
        uplifts(engine, "", Message("user", "<environment_context>linux</environment_context>")),
        uplifts(
            engine,
            f"{REMINDER}\n",
            Message("user", f"# AGENTS.md instructions for /a\n<INSTRUCTIONS>{REMINDER}</INSTRUCTIONS>"),
        ),
    ):
        assert sorted(range(4), key=reminded.__getitem__) == sorted(range(4), key=bare.__getitem__)
        assert reminded == pytest.approx(bare, abs=0.03)
