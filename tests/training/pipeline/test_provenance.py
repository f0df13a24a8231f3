"""The provenance that a manifest gets from a training run."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from serving.decision import Request, from_prompt
from tests.support.small_training import PROMPTS, trained
from training.dataset.sampling import draw_prompts
from training.metrics.risk_control import Certificate, NoCertificate
from training.pipeline.provenance import languages_of, lineage_of

MADE = trained()
WHOLE = draw_prompts(MADE.dataset, len(MADE.dataset), 0)


def test_it_names_data_learners_and_calibration() -> None:
    found = lineage_of(MADE.history, WHOLE, MADE.fitted, MADE.evaluation, "run7")
    assert found.data.digest == MADE.history.digest
    assert (found.data.rows, found.data.prompts) == (MADE.history.counts.kept, PROMPTS)
    assert found.learner["prompts"] == PROMPTS
    assert set(found.learner["candidates"]) == {learner.name for learner in MADE.fitted.learners}
    assert found.mlflow == {"run_id": "run7"}
    assert lineage_of(MADE.history, WHOLE, MADE.fitted, MADE.evaluation).mlflow is None


def test_only_finite_metrics_are_kept() -> None:
    found = lineage_of(MADE.history, WHOLE, MADE.fitted, MADE.evaluation)
    assert found.metrics
    assert all(np.isfinite(value) for value in found.metrics.values())
    assert found.metrics.items() <= MADE.evaluation.metrics.items()


def test_a_certificate_is_stored_and_its_absence_is_none() -> None:
    given = Certificate(0.02, 0.1, 0.3, 0.5, 0.01, 0.04, 300)
    certified = replace(MADE.evaluation, certificate=given)
    assert lineage_of(MADE.history, WHOLE, MADE.fitted, certified).certificate == asdict(given)
    without = replace(MADE.evaluation, certificate=NoCertificate(0.02, 0.1, "too few prompts", 30))
    assert lineage_of(MADE.history, WHOLE, MADE.fitted, without).certificate is None


def test_a_sampled_history_counts_all_of_its_prompts() -> None:
    part = draw_prompts(MADE.dataset, 150, 0)
    found = lineage_of(MADE.history, part, MADE.fitted, MADE.evaluation, learnt_from=PROMPTS)
    assert found.data.prompts == PROMPTS
    assert found.learner["prompts"] == PROMPTS
    assert found.calibration["prompts"] == 150


def test_languages_are_those_that_a_good_share_of_the_prompts_is_written_in() -> None:
    english = [Request(from_prompt(f"What is the sum of {n} and the number of the day?")) for n in range(150)]
    german = Request(from_prompt("Wie ist das und was kann ich tun?"))
    assert languages_of([*english, german]) == ("en",)
    assert languages_of([*english, german, german]) == ("en", "de")
    assert languages_of([Request(from_prompt("<env>What is the of and</env> x = 1"))]) == ()
    assert lineage_of(MADE.history, WHOLE, MADE.fitted, MADE.evaluation).languages == languages_of(
        MADE.dataset.requests
    )
