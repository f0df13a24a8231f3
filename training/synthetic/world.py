"""Synthetic world: seeded prompts in any number, the truth about them, and outcome records of simulated calls.

SYNTHETIC: nothing that comes out of here was ever asked, answered or measured. It exists so that estimators can be
checked against a known truth, and so that the software can be tried without data. It says nothing about any real model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from training.atomic_files import replacing
from training.progress import Progress, silent
from training.synthetic.logging_policies import LoggingPolicy
from training.synthetic.outcome_generator import SCHEMA, call_frame
from training.synthetic.prices import price_table
from training.synthetic.prompt_generator import BLOCK, draw_block
from training.synthetic.prompt_sample import PromptSample, concat_samples
from training.synthetic.spec import WorldSpec
from training.synthetic.task_types import BadWorld


@dataclass(frozen=True, slots=True)
class World(WorldSpec):
    """A synthetic world with known truth; its parameters are those of `WorldSpec`.

    Examples
    --------
    >>> world = World(seed=7)
    >>> sample = world.sample(3)
    >>> sample.success.shape, sample.uplift.shape
    ((3, 2), (3, 1))
    >>> world.records(sample, runs=2)["source"].unique().tolist()
    ['synthetic']
    """

    def sample(self, n: int, start: int = 0) -> PromptSample:
        """Draw the prompts at the places `start` to `start + n - 1`; a place always holds the same prompt."""
        if n < 1 or start < 0:
            raise BadWorld(f"can't draw {n} prompts from place {start}: n must be 1 or more, start 0 or more")
        prices = price_table(self.arms, self.start)
        parts = []
        for block in range(start // BLOCK, (start + n - 1) // BLOCK + 1):
            first = max(start - block * BLOCK, 0)
            last = min(start + n - block * BLOCK, BLOCK)
            drawn = draw_block(self, prices, block)
            parts.append(drawn if last - first == BLOCK else drawn.take(np.arange(first, last)))
        return parts[0] if len(parts) == 1 else concat_samples(parts)

    def records(self, sample: PromptSample, policy: LoggingPolicy | None = None, runs: int = 1) -> pd.DataFrame:
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
        return call_frame(self.seed, sample, price_table(self.arms, self.start), policy, runs)

    def iter_chunks(
        self, n: int, policy: LoggingPolicy | None = None, runs: int = 1, chunk: int = 4 * BLOCK
    ) -> Iterator[pd.DataFrame]:
        """Yield the records of the first `n` prompts, `chunk` prompts at a time, so that memory stays flat."""
        for start in range(0, n, chunk):
            yield self.records(self.sample(min(chunk, n - start), start), policy, runs)

    def write_parquet(
        self, path: Path, n: int, policy: LoggingPolicy | None = None, runs: int = 1, progress: Progress = silent
    ) -> int:
        """Write the records of the first `n` prompts atomically to a Parquet file; gives the number of rows."""
        rows = prompts = 0
        with replacing(path) as part, pq.ParquetWriter(part, SCHEMA, compression="zstd") as writer:
            for records in self.iter_chunks(n, policy, runs):
                writer.write_table(pa.Table.from_pandas(records, schema=SCHEMA, preserve_index=False))
                rows += len(records)
                prompts += records["prompt_id"].nunique()
                progress("writing synthetic records", prompts, n)
        return rows
