"""Whether logs teach, intervals cover and certificates hold, on the synthetic world.

Worlds, models and prompts are shared between the rows of a table; `--quick` is a smaller form of the same.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import t as student

from serving.decision.types import FloatArray, Request
from tests.benchmarks.certificate_study import Certified, by_mapie, certify_again, certify_logs, certify_once
from tests.benchmarks.world_study import (
    OLD,
    Encode,
    Gain,
    Insider,
    Logs,
    Sampled,
    bare,
    cover,
    features_only,
    learn_from_logs,
    tie_value_usd,
)
from training.encoders.design_matrix import design_rows
from training.encoders.static import build_static
from training.export.reference import predict
from training.metrics.bootstrap import Interval, percentile_interval, proportion_interval
from training.metrics.risk_control import Certificate
from training.models.boosting import TreeSettings
from training.models.fit import FitSettings, fit
from training.synthetic import World
from training.types import Array

CACHE = Path("var/cache")
TEST_SEED, TRAIN_SEED = 900_001, 1000
LIGHT = FitSettings(trees=TreeSettings(rounds=50, bags=1, learning_rate=0.12, feature_fraction=0.3), threads=1)
"""The product's learner with fewer trees: all learners of a table have the same ones."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large each study is."""

    seeds: int = 5
    prompts: int = 10_000
    test: int = 8000
    simulations: int = 300
    logged: tuple[int, ...] = (1000, 4000)
    resamplings: int = 200
    certified: tuple[int, ...] = (1000, 4000)
    certified_logs: tuple[int, ...] = (4000, 16_000)


QUICK = Sizes(2, 2000, 8000, 100, (1000,), 20, (1000,), (4000,))


def main() -> None:
    """Run the studies that are asked for."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--encoder", action="store_true", help="static encoder beside the features: five times as long")
    parser.add_argument("--only", choices=["logs", "coverage", "certificate", "certified-logs", "trained"])
    options = parser.parse_args()
    sizes, console = QUICK if options.quick else Sizes(), Console(width=140)
    start = time.perf_counter()
    if options.only in (None, "logs", "coverage"):
        encode = _encoder() if options.encoder else features_only
        test = Sampled.of(TEST_SEED, sizes.test, encode)
        if options.only != "coverage":
            _logs(console, test, encode, sizes)
        if options.only != "logs":
            _coverage(console, test, encode, sizes)
    if options.only in (None, "certificate", "certified-logs", "trained"):
        _certificates(console, sizes, options.only)
    console.print(f"{time.perf_counter() - start:.0f} s")


def _encoder() -> Encode:
    """Give the product's static encoder, its lexical table learnt from a world of its own."""
    encoder = build_static(None, World(TEST_SEED + 1).sample(8000).requests, CACHE)

    def encode(requests: list[Request] | tuple[Request, ...]) -> FloatArray:
        return design_rows(encoder, requests)

    return encode  # type: ignore[return-value]


def _logs(console: Console, test: Sampled, encode: Encode, sizes: Sizes) -> None:
    value, kinds = (
        tie_value_usd(test.draws),
        ("an old router that reads the text", "clients who know more than the text"),
    )
    runs = []
    for seed in range(TRAIN_SEED, TRAIN_SEED + sizes.seeds):
        runs.append(learn_from_logs(seed, sizes.prompts, test, encode, LIGHT, (OLD, Insider())))
        console.print(f"seed {seed}: {runs[-1]}", highlight=False, soft_wrap=True)
    for place, kind in enumerate(kinds):
        _table_of_logs(console, [run[place] for run in runs], kind, sizes, value)


def _table_of_logs(console: Console, runs: list[Logs], kind: str, sizes: Sizes, value: float) -> None:
    table = Table(
        title=f"Learning from logs of {kind}, SYNTHETIC world, {sizes.seeds} seeds, {sizes.test} test prompts, "
        f"a success is worth {value:.3f} USD"
    )
    names = ("learnt from", "net USD per 1,000 over the best constant arm", "of paired", "area, points", "of paired")
    for column in names:
        table.add_column(column, justify="left" if column == "learnt from" else "right")
    for name, field in (
        (f"paired, {sizes.prompts} rows", "paired_same_calls"),
        (f"logged, {sizes.prompts} rows, propensities used", "logged"),
        (f"logged, {sizes.prompts} rows, propensities ignored", "ignoring"),
        (f"paired, {2 * sizes.prompts} rows (the prompts of the logs)", "paired"),
    ):
        cells = []
        for unit, scale in (("net_usd", 1000.0), ("area", 100.0)):
            own, paired = _column(runs, field, unit), _column(runs, "paired_same_calls", unit)
            cells += [str(_over_seeds(scale * own)), str(_ratio(own, paired))]
        table.add_row(name, *cells)
    console.print(table)
    for unit, scale in (("net_usd", 1000.0), ("area", 100.0)):
        ahead = scale * (_column(runs, "logged", unit) - _column(runs, "ignoring", unit))
        console.print(f"propensities used - ignored, {unit}: {_over_seeds(ahead)}", highlight=False)


def _ratio(own: Array, paired: Array) -> Interval:
    """Ratio of means over seeds, with a bootstrap over seeds."""
    rows = np.random.default_rng(0).integers(len(own), size=(5000, len(own)))
    return percentile_interval(float(own.mean() / paired.mean()), own[rows].mean(axis=1) / paired[rows].mean(axis=1))


def _column(runs: list[Logs], field: str, kind: str) -> Array:
    gains: list[Gain] = [getattr(run, field) for run in runs]
    return np.array([getattr(gain, kind) for gain in gains], np.float64)


def _over_seeds(values: Array) -> Interval:
    """Mean over seeds with Student's interval: seeds are the units that were drawn."""
    half = float(student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)


def _coverage(console: Console, test: Sampled, encode: Encode, sizes: Sizes) -> None:
    earlier = Sampled.of(TRAIN_SEED, sizes.prompts, encode)
    model = fit(bare(earlier.logged(OLD)), earlier.x, LIGHT)
    table = Table(title=f"95 % intervals of a policy's value on logs, SYNTHETIC world: {sizes.simulations} simulations")
    for column in ("logged requests", "estimator", "coverage", "mean width", "logs refused"):
        table.add_column(column)
    for prompts in sizes.logged:
        found = cover(test, model, prompts, sizes.simulations)
        for name, hits in found.hits.items():
            share = proportion_interval(hits, found.simulations)
            table.add_row(str(prompts), name.upper(), str(share), f"{found.width[name]:.3f}", str(found.refused))
    console.print(table)


def _certificates(console: Console, sizes: Sizes, only: str | None) -> None:
    test, train = Sampled.of(TEST_SEED, 20_000, features_only), Sampled.of(TRAIN_SEED, 4000, features_only)
    columns = ("how", "prompts", "epsilon", "none", "loss > epsilon", "true loss", "calls avoided", "a prophet avoids")
    table = Table(title=f"Certificates, SYNTHETIC world: {sizes.resamplings} resamplings each, delta 0.10")
    for column in columns:
        table.add_column(column)
    if only in (None, "certified-logs"):
        forecast = predict(fit(bare(train.logged(OLD)), train.x, LIGHT).model, test.x)
        for prompts in sizes.certified_logs:
            for epsilon in (0.02, 0.05):
                runs = certify_logs(test, forecast, OLD, prompts, sizes.resamplings, epsilon, 0.10)
                table.add_row("logs of the old router", str(prompts), str(epsilon), *_certified(runs, epsilon))
    if only in (None, "certificate"):
        score = predict(fit(bare(train.paired()), train.x, LIGHT).model, test.x).uplift[:, -1]
        for prompts in sizes.certified:
            for epsilon in (0.01, 0.02, 0.05):
                runs = certify_again(test, score, prompts, sizes.resamplings, epsilon, 0.10)
                table.add_row("one model, fresh prompts", str(prompts), str(epsilon), *_certified(runs, epsilon))
                runs = certify_again(test, score, prompts, sizes.resamplings, epsilon, 0.10, by_mapie)
                table.add_row("the same, MAPIE's p-values", str(prompts), str(epsilon), *_certified(runs, epsilon))
    if only in (None, "trained"):
        prompts, epsilon = sizes.certified[0], 0.02
        part = test.head(5000)
        seeds = range(5000, 5000 + sizes.resamplings)
        trained = [certify_once(seed, prompts, part, features_only, LIGHT, epsilon, 0.10) for seed in seeds]
        table.add_row("trained anew, as `train` does", str(prompts), str(epsilon), *_certified(trained, epsilon))
    console.print(table)


def _certified(runs: Sequence[Certified], epsilon: float) -> list[str]:
    given = [run for run in runs if isinstance(run.found, Certificate)]
    wrong = sum(run.loss > epsilon for run in runs)
    loss = f"{np.mean([run.loss for run in given]):.4f}" if given else "-"
    return [
        f"{1 - len(given) / len(runs):.0%}",
        str(proportion_interval(wrong, len(runs))),
        loss,
        f"{np.mean([run.avoided for run in given]):.1%}" if given else "-",
        f"{np.mean([run.best for run in runs]):.1%}",
    ]


if __name__ == "__main__":
    main()
