"""Records of the synthetic world: valid outcome records whose averages agree with the truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from serving.decision.conversation import from_prompt, parse_messages
from training.records.history import read
from training.synthetic import DEFAULT_ARMS, FAILURE_MODES, LegacyRouter, PromptSample, World
from training.synthetic.outcome_generator import SCHEMA

PROMPTS = 12_000


@pytest.fixture(scope="module")
def draws() -> PromptSample:
    return World(seed=21).sample(PROMPTS)


@pytest.fixture(scope="module")
def paired(draws: PromptSample) -> pd.DataFrame:
    return World(seed=21).records(draws)


def true_modes(sample: PromptSample) -> np.ndarray:
    """P(failure mode), (n, K, 1 + 5), 'no failure mode' first: a right answer has bloat or none."""
    truth, bloat = sample.truth, 1 + FAILURE_MODES.index("token_bloat")
    modes = (1.0 - truth.success)[..., None] * truth.wrong_modes
    modes[..., 0] += truth.success * (1.0 - truth.right_bloat)
    modes[..., bloat] += truth.success * truth.right_bloat
    return modes


def by_arm(records: pd.DataFrame, column: str) -> np.ndarray:
    return records[column].to_numpy(np.float64).reshape(-1, len(DEFAULT_ARMS))


def test_records_keep_the_contract(draws: PromptSample, paired: pd.DataFrame) -> None:
    assert list(paired.columns) == SCHEMA.names
    assert len(paired) == 2 * PROMPTS
    assert paired["request_id"].is_unique
    assert paired["prompt_id"].nunique() == PROMPTS
    assert set(paired["arm"]) == {"direct", "reasoning"}
    assert paired["success"].isin([0.0, 1.0]).all()
    assert (paired["propensity"] == 1.0).all()
    for column in ("input_tokens", "output_tokens", "latency_ms", "cost_usd", "gpu_seconds"):
        assert (paired[column] > 0).all()
    assert (paired["reasoning_tokens"] < paired["output_tokens"]).all()
    assert (paired["reasoning_tokens"] >= 0).all()
    assert (paired["cached_input_tokens"] < paired["input_tokens"]).all()
    assert paired["retries"].between(0, 4).all()
    assert set(paired["failure_mode"].dropna()) == set(FAILURE_MODES)
    assert paired["timestamp"].dt.tz is not None
    assert paired["session_id"].nunique() < PROMPTS
    assert (paired["prompt"].isna() != paired["messages"].isna()).all()


def test_records_say_synthetic_wherever_they_go(paired: pd.DataFrame) -> None:
    assert (paired["source"] == "synthetic").all()
    assert paired["request_id"].str.startswith("synthetic-").all()
    assert paired["prompt_id"].str.startswith("synthetic-").all()


def test_the_kernel_reads_every_request_back(draws: PromptSample, paired: pd.DataFrame) -> None:
    half = paired.iloc[::2].head(3000)
    for request, prompt, messages in zip(draws.requests, half["prompt"], half["messages"], strict=False):
        assert request.messages == (from_prompt(prompt) if messages is None else parse_messages(messages))


@pytest.mark.parametrize(
    ("column", "truth"),
    [("success", "success"), ("output_tokens", "output_tokens"), ("reasoning_tokens", "reasoning_tokens"),
     ("latency_ms", "latency_ms"), ("cost_usd", "cost_usd")],
)  # fmt: skip
def test_observed_means_agree_with_the_truth(
    draws: PromptSample, paired: pd.DataFrame, column: str, truth: str
) -> None:
    gap = by_arm(paired, column) - getattr(draws.truth, truth)
    bound = 4.5 * gap.std(axis=0) / np.sqrt(PROMPTS) + 1e-12
    assert (np.abs(gap.mean(axis=0)) < bound).all()
    if column != "success":  # the truth is no constant: it tells prompts apart
        assert np.corrcoef(by_arm(paired, column)[:, 1], getattr(draws.truth, truth)[:, 1])[0, 1] > 0.2


def test_true_uplift_is_the_empirical_difference(draws: PromptSample, paired: pd.DataFrame) -> None:
    success = by_arm(paired, "success")
    observed, true = success[:, 1] - success[:, 0], draws.uplift[:, 0]
    for places in np.array_split(np.argsort(true), 8):
        error = observed[places].std() / np.sqrt(len(places))
        assert abs(observed[places].mean() - true[places].mean()) < 4 * error


def test_success_probabilities_are_those_of_repeated_runs() -> None:
    world = World(seed=4)
    draws = world.sample(40)
    rates = world.records(draws, runs=400).groupby(["prompt_id", "arm"])["success"].mean().to_numpy().reshape(-1, 2)
    deviation = np.sqrt(draws.success * (1 - draws.success) / 400) + 1e-3
    assert (np.abs(rates - draws.success) < 4.5 * deviation).all()


def test_failure_modes_occur_at_their_true_rates(draws: PromptSample, paired: pd.DataFrame) -> None:
    modes = paired["failure_mode"].to_numpy(object).reshape(-1, 2)
    for place, mode in enumerate((None, *FAILURE_MODES)):
        seen = modes == mode if mode is not None else pd.isna(modes)
        true = true_modes(draws)[..., place]
        bound = 4.5 * np.sqrt((true * (1 - true)).sum(axis=0)) / PROMPTS
        assert (np.abs(seen.mean(axis=0) - true.mean(axis=0)) < bound).all()
        assert (true.mean(axis=0) > 1e-4).all()
    np.testing.assert_allclose(true_modes(draws).sum(axis=2), 1.0)
    wrong = paired["success"].to_numpy() == 0
    named = paired["failure_mode"].notna() & (paired["failure_mode"] != "token_bloat")
    assert not (named.to_numpy() & ~wrong).any()


def test_reasoning_trades_confident_errors_for_long_ones(draws: PromptSample) -> None:
    wrong = 1.0 - draws.success
    rates = true_modes(draws).mean(axis=0) / wrong.mean(axis=0)[:, None]
    share = {mode: rates[:, place] for place, mode in enumerate(FAILURE_MODES, start=1)}
    assert share["false_confidence"][0] > 2 * share["false_confidence"][1]
    for mode in ("token_bloat", "timeout"):
        assert share[mode][1] > 2 * share[mode][0]


def test_tokens_and_latencies_have_long_tails(paired: pd.DataFrame) -> None:
    for arm, calls in paired.groupby("arm"):
        for column in ("output_tokens", "latency_ms"):
            values = calls[column].to_numpy()
            assert values.mean() > 1.3 * np.median(values), (arm, column)
            assert np.percentile(values, 99) > 8 * np.median(values), (arm, column)
    timeouts = paired[paired["failure_mode"] == "timeout"]
    assert (timeouts["latency_ms"] == 600_000).all()
    assert (timeouts["retries"] >= 1).all()


def test_one_call_s_cost_is_its_tokens_at_the_price(paired: pd.DataFrame) -> None:
    fresh = paired["input_tokens"] - paired["cached_input_tokens"]
    usd = (fresh * 1.25 + paired["cached_input_tokens"] * 0.125 + paired["output_tokens"] * 10.0) / 1e6
    np.testing.assert_allclose(paired["cost_usd"], usd, atol=1e-9)


def test_logged_calls_are_those_of_the_paired_world(draws: PromptSample, paired: pd.DataFrame) -> None:
    logged = World(seed=21).records(draws, LegacyRouter())
    assert len(logged) == PROMPTS
    whole = paired.set_index("request_id").drop(columns=["propensity", "messages"])
    part = logged.set_index("request_id").drop(columns=["propensity", "messages"])
    pd.testing.assert_frame_equal(part, whole.loc[part.index])


def test_parquet_is_written_in_chunks_and_whole(tmp_path: Path) -> None:
    world, path = World(seed=2), tmp_path / "history.parquet"
    told: list[tuple[str, int, int]] = []
    rows = world.write_parquet(path, 300, LegacyRouter(), progress=lambda *step: told.append(step))
    assert rows == 300
    assert told == [("writing synthetic records", 300, 300)]
    assert [file.name for file in tmp_path.iterdir()] == ["history.parquet"]
    assert pq.read_schema(path).equals(SCHEMA)
    chunks = pd.concat(list(world.iter_chunks(300, LegacyRouter(), chunk=128)), ignore_index=True)
    read = pq.read_table(path).to_pandas()
    assert read["request_id"].tolist() == chunks["request_id"].tolist()
    assert read["cost_usd"].tolist() == chunks["cost_usd"].tolist()
    assert [None if talk is None else list(talk) for talk in read["messages"]] == chunks["messages"].tolist()


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_the_history_reader_takes_every_row(tmp_path: Path, suffix: str) -> None:
    world, path = World(seed=2), tmp_path / f"history{suffix}"
    records = world.records(world.sample(300), LegacyRouter())
    if suffix == ".parquet":
        world.write_parquet(path, 300, LegacyRouter())
    elif suffix == ".jsonl":
        records.to_json(path, orient="records", lines=True, force_ascii=False, date_format="iso")
    else:
        talks = ["" if talk is None else json.dumps(talk, ensure_ascii=False) for talk in records["messages"]]
        records.assign(messages=talks).to_csv(path, index=False)
    history = read(path, arms=DEFAULT_ARMS)
    assert history.counts.kept == 300
    assert not history.counts.warnings
    assert history.frame["request_id"].tolist() == records["request_id"].tolist()
    assert history.frame["success"].tolist() == records["success"].tolist()
    np.testing.assert_allclose(history.frame["propensity"], records["propensity"])
