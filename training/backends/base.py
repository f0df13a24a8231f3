"""Backends: the interface between a training run and the machines that read, encode and fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from serving.decision import BadInput, FloatArray
from training.dataset import LEARN_FROM, Dataset, DrawnSample
from training.encoders import Encoder
from training.errors import TooLittleToLearn
from training.models import TrainerFactory
from training.progress import Progress
from training.records import History

BackendName = Literal["local", "dask"]


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """Where a training run does its work.

    Parameters
    ----------
    name
        `local`: this machine; `dask`: the workers of a cluster.
    scheduler
        Address of a Dask scheduler, `tcp://host:8786` or `tls://...`; None starts a cluster on this machine.
    workers
        Of the cluster that is started here; None: one per processor.

    Raises
    ------
    BadInput
        A scheduler or workers without Dask, or both of them.
    """

    name: BackendName = "local"
    scheduler: str | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.name == "local" and (self.scheduler or self.workers):
            raise BadInput("a scheduler or workers are for --engine dask: add it, or leave them out")
        if self.scheduler and self.workers:
            raise BadInput("workers belong to the scheduler that is named: give --scheduler or --workers, not both")


@dataclass(frozen=True, slots=True)
class RecordSource:
    """Which records to read.

    Parameters
    ----------
    data
        Files, folders or globs.
    arms
        arms.toml; None infers the arms from the records.
    quarantine
        File for rows that can't be used; None writes none.
    at_most, seed
        Size and seed of the sample of prompts that the driver holds.
    """

    data: Sequence[str]
    arms: Path | None = None
    quarantine: Path | None = None
    at_most: int = LEARN_FROM
    seed: int = 0


class Backend(Protocol):
    """Takes a run from records to fitted heads; the methods are called in this order."""

    def read(self, source: RecordSource, progress: Progress) -> tuple[History, DrawnSample]:
        """Read records, refuse those from which no uplift can be learnt, and draw the local sample of prompts."""
        ...

    def design(self, encoder: Encoder, dataset: Dataset, progress: Progress) -> FloatArray:
        """Encode all prompts; gives the design rows of the local sample, float32 (n, P)."""
        ...

    def trainer_factory(self, folds: int) -> TrainerFactory | None:
        """Give what fits success and uplift on all prompts; None: fit on the local sample."""
        ...


@contextmanager
def explain_quarantined(history: History) -> Iterator[None]:
    """Add to an error about too few rows how many were quarantined, and where they are.

    Raises
    ------
    TooLittleToLearn
        The same error with the longer message.
    """
    try:
        yield
    except TooLittleToLearn as error:
        lost = history.counts.read - history.counts.kept
        if not lost:
            raise
        where = f"they are in {history.quarantine}" if history.quarantine else f"first: {history.examples[0].reason}"
        raise TooLittleToLearn(f"{error}. {lost} of {history.counts.read} rows could not be used: {where}") from error
