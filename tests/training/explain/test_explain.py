"""`thinkgate decide --explain`: the sum, what moved it, the nearest cases, and what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from serving.decision.bundle.manifest import DataFingerprint
from serving.decision.features import FEATURE_NAMES
from tests.support import tiny_models as tiny
from tests.support.toy_datasets import dataset
from training.encoders.design_matrix import design_rows
from training.explain.contributions import write_heads
from training.explain.explain import LAST, REST, companion_folder, design_row
from training.explain.similar_cases import write_cases
from training.explain.terminal import explanation_tables
from training.export.bundle_writer import BundleLineage, ExportedBundle, export_bundle
from training.inference import Question, explain

PROMPT = "prove the sum of three steps"
ARMS_TOML = """
[[arm]]
name = "direct"
model = "gpt-5.1"
effort = "none"
price_usd_per_mtok = { input = 1.0, output = 4.0 }
[[arm]]
name = "reasoning"
model = "gpt-5.1"
effort = "high"
price_usd_per_mtok = { input = 1.0, output = 4.0 }
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> ExportedBundle:
    folder = tmp_path_factory.mktemp("explain")
    (folder / "arms.toml").write_text(ARMS_TOML, encoding="utf-8")
    model = tiny.model(2)
    made = export_bundle(
        model, tiny.encoder(), tiny.ARMS[:2], folder / "bundle", BundleLineage(DataFingerprint("d", 10, 5))
    )
    write_heads(model, made.bundle.bundle_id, companion_folder(made.path))
    history = dataset(np.full((30, 2), 0.5), np.random.default_rng(0))
    rows = design_rows(tiny.encoder(), history.requests)
    write_cases(history, rows[:, : tiny.DIMS], companion_folder(made.path))
    return made


def question(exported: ExportedBundle, **more: float) -> Question:
    return Question(PROMPT, arms=exported.path.parent / "arms.toml", **more)  # type: ignore[arg-type]


def test_the_graphs_own_row_is_explained(exported: ExportedBundle) -> None:
    asked = question(exported).request
    row = design_row(exported.path, exported.bundle, asked)
    assert np.allclose(row, design_rows(tiny.encoder(), [asked])[0], atol=1e-6)


def test_all_of_it(exported: ExportedBundle) -> None:
    told = explain(exported.path, question(exported, value=0.2))
    assert told.missing == ""
    assert told.arithmetic.value_of_success_usd == 0.2
    (contributions,) = told.contributions
    prediction = exported.bundle.predict_request(question(exported).request)
    assert np.clip(contributions.uplift, -1, 1) == pytest.approx(prediction.uplift[0], abs=1e-5)
    total = contributions.average + sum(each.points for each in contributions.moved)
    assert total == pytest.approx(contributions.uplift)
    assert {each.name for each in contributions.moved} == {LAST, REST, *FEATURE_NAMES}
    sizes = [abs(each.points) for each in contributions.moved]
    assert sizes == sorted(sizes, reverse=True)
    named = {each.name: each for each in contributions.moved}
    assert named[REST].value is None
    assert named["chars"].value == len(PROMPT)
    assert len(told.cases) == 5
    console = Console(width=160, record=True, file=None, quiet=False, no_color=True)
    with console.capture() as caught:
        for table in explanation_tables(told):
            console.print(table)
    for word in ("= utility", "net benefit", "What moved the uplift of reasoning", "nearest cases", "your own prompts"):
        assert word in caught.get()


def test_without_the_folder_the_sum_is_shown_all_the_same(exported: ExportedBundle, tmp_path: Path) -> None:
    told = explain(exported.path, question(exported), tmp_path)
    assert list(told.arithmetic.arms) == ["direct", "reasoning"]
    assert (told.contributions, told.cases) == ((), ())
    assert "thinkgate train" in told.missing
