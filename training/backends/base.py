"""Where reading, encoding and learning happen: on this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from serving.decision.errors import BadInput
from serving.decision.policy.arms import load_arms
from serving.decision.types import Arm, FloatArray
from training.dataset.arm_inference import infer_arms
from training.dataset.dataset import Dataset, build_dataset
from training.dataset.overlap import require_overlap
from training.dataset.sampling import LEARN_FROM, DrawnSample, draw_prompts
from training.encoders.design_matrix import Encoder, design_rows
from training.errors import TooLittleToLearn
from training.models.targets import TrainerFactory
from training.progress import Progress
from training.records.history import History, read, require_rows

EngineName = Literal["local", "dask"]


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """Where the work is to be done.

    Parameters
    ----------
    name
        `local`: this machine; `dask`: the workers of a cluster.
    scheduler
        Address of a Dask scheduler, `tcp://host:8786` or `tls://...`; None starts a cluster on this machine.
    workers
        Of the cluster that is started here; None: one per processor.
    """

    name: EngineName = "local"
    scheduler: str | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.name == "local" and (self.scheduler or self.workers):
            raise BadInput("a scheduler or workers are for --engine dask: add it, or leave them out")
        if self.scheduler and self.workers:
            raise BadInput("workers belong to the scheduler that is named: give --scheduler or --workers, not both")


@dataclass(frozen=True, slots=True)
class RecordSource:
    """Which records to read, and what to do with them.

    Parameters
    ----------
    arms
        arms.toml.
    quarantine
        Where bad rows are written.
    at_most, seed
        Prompts that are drawn to be at hand.
    """

    data: Sequence[str]
    arms: Path | None = None
    quarantine: Path | None = None
    at_most: int = LEARN_FROM
    seed: int = 0


class Backend(Protocol):
    """One way to get from records to what is learnt from; the calls come in this order."""

    def read(self, source: RecordSource, progress: Progress) -> tuple[History, DrawnSample]:
        """Read records, refuse what can't teach an uplift, and draw the prompts at hand."""
        ...

    def design(self, encoder: Encoder, dataset: Dataset, progress: Progress) -> FloatArray:
        """Encode all prompts; gives design rows of those at hand."""
        ...

    def school(self, folds: int) -> TrainerFactory | None:
        """Where success and uplift are learnt; None: from the prompts at hand."""
        ...


class LocalBackend:
    """Everything is at hand."""

    def read(self, source: RecordSource, progress: Progress) -> tuple[History, DrawnSample]:
        """Read records and put them into one row per prompt."""
        arms: tuple[Arm, ...] | None = load_arms(source.arms) if source.arms else None
        history = read(source.data, arms=arms, quarantine=source.quarantine, progress=progress)
        require_rows(history)
        with explain_quarantined(history):
            whole = build_dataset(history.frame, arms or infer_arms(history.frame))
        require_overlap(whole)  # before anything takes minutes
        return history, draw_prompts(whole, source.at_most, source.seed)

    def design(self, encoder: Encoder, dataset: Dataset, progress: Progress) -> FloatArray:
        """Encode all prompts."""
        return design_rows(encoder, dataset.requests, progress)

    def school(self, folds: int) -> TrainerFactory | None:  # noqa: ARG002 - `fit` deals the folds itself
        """Learn from what is at hand."""
        return None


@contextmanager
def open_backend(engine: BackendSettings) -> Iterator[Backend]:
    """Open the machines that the work is to be done on, and let go of them.

    Raises
    ------
    SchedulerUnreachable, NoWorkers, WorkerLost
        A cluster that isn't there, or that lost what it held.
    """
    if engine.name == "local":
        yield LocalBackend()
        return
    from training.backends.dask.backend import open_cluster  # Dask takes seconds to import

    with open_cluster(engine) as cluster:
        yield cluster


@contextmanager
def explain_quarantined(history: History) -> Iterator[None]:
    """Say in an error about too few rows how many could not be used, and where they are."""
    try:
        yield
    except TooLittleToLearn as error:
        lost = history.counts.read - history.counts.kept
        if not lost:
            raise
        where = f"they are in {history.quarantine}" if history.quarantine else f"first: {history.examples[0].reason}"
        raise TooLittleToLearn(f"{error}. {lost} of {history.counts.read} rows could not be used: {where}") from error
