"""Support of everyday requests for bundles that learnt one kind only, and what support costs (ARGS="--data FOLDER").

The folder holds the Parquet files that data/README.md describes. A bundle is trained on three quarters of the prompts
of a file and asked about the others and about `everyday_requests.txt`, through the kernel as a server does. The output
is Markdown, so that it can be recorded as it is.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from serving.decision import Engine, Request, from_prompt
from serving.decision.bundle import Bundle, load_bundle
from training.pipeline.train import TrainSettings, train
from training.types import Array

FILES = {
    "MedAgents (DeepSeek)": "medagents_deepseek_v3_r1",
    "Reasoning Gym (maverick)": "reasoning_gym_maverick_o3mini",
}
EVERYDAY = Path(__file__).with_name("everyday_requests.txt")
ROUNDS = 40


@dataclass(frozen=True, slots=True)
class Supports:
    """Support of held-out prompts of the bundle's own kind, float64 (n,), and of everyday requests, float64 (m,)."""

    own: Array
    everyday: Array
    hi: float

    @property
    def auroc(self) -> float:
        """Probability that a prompt of its own kind has more support than an everyday request; ties count half."""
        label = np.concatenate([np.ones(len(self.own)), np.zeros(len(self.everyday))])
        return float(roc_auc_score(label, np.concatenate([self.own, self.everyday])))


def everyday_requests() -> list[Request]:
    """Give the everyday requests, greetings first."""
    return [Request(from_prompt(line)) for line in EVERYDAY.read_text(encoding="utf-8").splitlines()]


def supports(model: Bundle, own: Sequence[Request]) -> Supports:
    """Ask a bundle for its support, one request at a time as a server does."""
    found = [np.array([model.predict_request(one).support for one in part]) for part in (own, everyday_requests())]
    return Supports(found[0], found[1], float(found[1][0]))


def measure(path: Path, folder: Path) -> Supports:
    """Train on three quarters of the prompts of a file; give the support of the others and of everyday requests."""
    rows = pd.read_parquet(path)
    prompts = rows["prompt"].drop_duplicates()
    held = set(prompts[np.random.default_rng(0).random(len(prompts)) < 0.25])
    history = folder / "history.parquet"
    rows[~rows["prompt"].isin(held)].to_parquet(history)
    train([str(history)], folder / "bundle", TrainSettings(resamples=50, baselines=False))
    return supports(load_bundle(folder / "bundle"), [Request(from_prompt(text)) for text in sorted(held)])


def cost_ratio(first: Path, second: Path) -> float:
    """Give the median time of a decision with one bundle over that with another, in turn in this process."""
    engines = [Engine(load_bundle(path)) for path in (first, second)]
    requests = everyday_requests()
    taken: list[list[int]] = [[], []]
    for number in range(ROUNDS):
        for request in requests:
            for place in (0, 1) if number % 2 else (1, 0):
                start = time.perf_counter_ns()
                engines[place].decide(request)
                taken[place].append(time.perf_counter_ns() - start)
    return float(np.median(taken[0]) / np.median(taken[1]))


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--ratio", type=Path, nargs=2, metavar="BUNDLE", help="time decisions of two bundles instead")
    options = parser.parse_args()
    if options.ratio:
        print(f"decide() of the first over the second: {cost_ratio(*options.ratio):.3f}")
        return
    print(
        "| bundle of | own prompts | AUROC | support: own | everyday, mean | everyday, most | hi |\n"
        "|---|---|---|---|---|---|---|"
    )
    for name, file in FILES.items():
        with tempfile.TemporaryDirectory() as folder:
            found = measure(options.data / f"{file}.parquet", Path(folder))
        print(
            f"| {name} | {len(found.own)} | {found.auroc:.3f} | {found.own.mean():.2f} | {found.everyday.mean():.3f} "
            f"| {found.everyday.max():.2f} | {found.hi:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
