"""The synthetic world: a seed gives prompts in any number, the truth about them, and records of calls.

SYNTHETIC: nothing that comes out of here was ever asked, answered or measured. It exists so that estimators can be
checked against a truth, and so that the software can be tried without data. It says nothing about any real model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from serving.decision.types import Arm
from training.progress import Progress, silent
from training.synthetic.concept_drift import ConceptDrift
from training.synthetic.logging_policies import LoggingPolicy
from training.synthetic.outcome_generator import SCHEMA, call_frame
from training.synthetic.prices import price_table
from training.synthetic.prompt_generator import BLOCK, draw_block
from training.synthetic.prompt_sample import PromptSample, concat_samples
from training.synthetic.task_types import LANGUAGES, TASKS, BadWorld

DEFAULT_ARMS: Final = (
    Arm("direct", "gpt-5.1", "none", 300.0, 2000.0),
    Arm("reasoning", "gpt-5.1", "high", 2500.0, 20_000.0),
)
"""The arms of `data/arms.toml`."""


@dataclass(frozen=True, slots=True)
class World:
    """A synthetic world with known truth.

    Parameters
    ----------
    seed
        Not negative. The same seed gives the same prompts and the same outcome of every possible call.
    arms
        At least two, the baseline first; each needs a price, a GPU price or a model of the price book.
    mix
        Task -> relative share; tasks left out don't occur. None: the shares of `taxonomy.TASKS`.
    languages
        Language -> relative share.
    difficulty
        0: levels are spread evenly; above, prompts get harder, below, easier, and their texts with them.
    hidden
        Scale of the part of the difficulty that no text shows; 0: the level is all there is.
    start, days
        First moment (epoch seconds) and length of the history.
    shift
        What changes in the middle; None: nothing.

    Raises
    ------
    BadWorld
        If there can't be such a world.

    Examples
    --------
    >>> world = World(seed=7)
    >>> draws = world.sample(3)
    >>> draws.success.shape, draws.uplift.shape
    ((3, 2), (3, 1))
    >>> world.records(draws, runs=2)["source"].unique().tolist()
    ['synthetic']
    """

    seed: int
    arms: tuple[Arm, ...] = DEFAULT_ARMS
    mix: Mapping[str, float] | None = None
    languages: Mapping[str, float] | None = None
    difficulty: float = 0.0
    hidden: float = 1.0
    start: float = 1_767_225_600.0  # 2026-01-01T00:00:00Z
    days: float = 28.0
    shift: ConceptDrift | None = None

    def __post_init__(self) -> None:
        """Refuse what can't be."""
        if self.seed < 0:
            raise BadWorld(f"seed {self.seed} is negative: use 0 or more")
        if len(self.arms) < 2 or len({arm.name for arm in self.arms}) < len(self.arms):
            raise BadWorld("a world needs two or more arms with different names")
        _check_shares("mix", self.mix, tuple(TASKS))
        _check_shares("languages", self.languages, tuple(LANGUAGES))
        if not (self.days > 0 and self.hidden >= 0 and np.isfinite([self.difficulty, self.days, self.hidden]).all()):
            raise BadWorld("days must be above 0, hidden not negative, and difficulty finite")

    def sample(self, n: int, start: int = 0) -> PromptSample:
        """Draw the prompts at the places `start` to `start + n - 1`; whoever asks for them gets the same ones."""
        if n < 1 or start < 0:
            raise BadWorld(f"can't draw {n} prompts from place {start}: n must be 1 or more, start 0 or more")
        costs = price_table(self.arms, self.start)
        parts = []
        for block in range(start // BLOCK, (start + n - 1) // BLOCK + 1):
            first = max(start - block * BLOCK, 0)
            last = min(start + n - block * BLOCK, BLOCK)
            whole = draw_block(self, costs, block)
            parts.append(whole if last - first == BLOCK else whole.take(np.arange(first, last)))
        return parts[0] if len(parts) == 1 else concat_samples(parts)

    def records(self, draws: PromptSample, policy: LoggingPolicy | None = None, runs: int = 1) -> pd.DataFrame:
        """Make the calls and write them down as outcome records.

        Parameters
        ----------
        policy
            None: paired, every prompt with every arm. Else logged: one arm per prompt and run, with the probability
            of that arm as its propensity.
        runs
            Calls per prompt and arm (paired), or per prompt (logged).

        Returns
        -------
        DataFrame
            One row per call, with the columns of `data/README.md`, `source` = "synthetic".
        """
        if runs < 1:
            raise BadWorld(f"runs is {runs}: use 1 or more")
        return call_frame(self.seed, draws, price_table(self.arms, self.start), policy, runs)

    def iter_chunks(
        self, n: int, policy: LoggingPolicy | None = None, runs: int = 1, chunk: int = 4 * BLOCK
    ) -> Iterator[pd.DataFrame]:
        """Yield the records of the first `n` prompts, `chunk` prompts at a time, so that memory stays flat."""
        for start in range(0, n, chunk):
            yield self.records(self.sample(min(chunk, n - start), start), policy, runs)

    def write_parquet(
        self, path: Path, n: int, policy: LoggingPolicy | None = None, runs: int = 1, progress: Progress = silent
    ) -> int:
        """Write the records of the first `n` prompts to a file and give the number of rows.

        The file appears under its name only when it is whole.
        """
        partial = path.with_name(path.name + ".partial")
        rows = prompts = 0
        with pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
            for records in self.iter_chunks(n, policy, runs):
                writer.write_table(pa.Table.from_pandas(records, schema=SCHEMA, preserve_index=False))
                rows += len(records)
                prompts += records["prompt_id"].nunique()
                progress("writing synthetic records", prompts, n)
        partial.replace(path)
        return rows


def _check_shares(what: str, shares: Mapping[str, float] | None, known: tuple[str, ...]) -> None:
    if shares is None:
        return
    if unknown := set(shares) - set(known):
        raise BadWorld(f"{what} names unknown {sorted(unknown)}; known are {', '.join(known)}")
    if not all(share >= 0 and np.isfinite(share) for share in shares.values()) or not sum(shares.values()) > 0:
        raise BadWorld(f"{what} must hold finite shares, none negative and one above 0")
