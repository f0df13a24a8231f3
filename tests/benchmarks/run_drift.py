"""How much of its value the retraining loop wins back after concept drift (SYNTHETIC)."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from .drift_study import SHIFTS, Told, tell


def main() -> None:
    """Print Markdown; what each look led to goes to standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--first", type=int, default=100, help="the first seed")
    parser.add_argument("--only", nargs="+", choices=list(SHIFTS), default=list(SHIFTS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    columns = "what drifts|seeds|before|after it|after the loop|won back|least|direct|reasoning|seen after".split("|")
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for name in options.only:
        stories = [_story(name, options.first + number, options.rows) for number in range(options.seeds)]
        print(_line(name, stories), flush=True)


def _story(name: str, seed: int, rows: int) -> Told:
    with tempfile.TemporaryDirectory() as folder:
        told = tell(SHIFTS[name], seed, Path(folder), rows, lambda event: _say(f"  {event}"))
    _say(
        f"{name}, seed {seed}: {told.before:.3f} -> {told.lost:.3f} -> {told.won:.3f}, {told.recovered:.1%} of before,"
        f" {told.promotions} promotions, {told.seconds:.0f} s"
    )
    return told


def _line(name: str, stories: Sequence[Told]) -> str:
    figures = [_mean([getattr(told, what) for told in stories]) for what in ("before", "lost", "won", "recovered")]
    least = min(told.recovered for told in stories)
    ends = [f"{np.mean([getattr(told, what) for told in stories]):.3f}" for what in ("direct", "reasoning")]
    seen = [told.seen_after for told in stories if np.isfinite(told.seen_after)]
    after = f"{np.median(seen):.0f}, in {len(seen)} of {len(stories)}" if seen else f"never, 0 of {len(stories)}"
    return "| " + " | ".join([name, str(len(stories)), *figures, f"{least:.3f}", *ends, after]) + " |"


def _mean(values: Sequence[float]) -> str:
    """Mean over seeds with its 95 % interval (Student)."""
    n, mean = len(values), float(np.mean(values))
    half = float(stdtrit(n - 1, 0.975) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return f"{mean:.3f} [{mean - half:.3f}, {mean + half:.3f}]"


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
