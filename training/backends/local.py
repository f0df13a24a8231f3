"""Local backend: reads, encodes and fits on this machine."""

from __future__ import annotations

from serving.decision import Arm, FloatArray
from serving.decision.policy import load_arms
from training.backends.base import RecordSource, explain_quarantined
from training.dataset import Dataset, DrawnSample, build_dataset, draw_prompts, infer_arms, require_overlap
from training.encoders import Encoder, design_rows
from training.models import TrainerFactory
from training.progress import Progress
from training.records import History, read, require_rows


class LocalBackend:
    """Holds every prompt in memory; see `training.backends.base.Backend`."""

    def read(self, source: RecordSource, progress: Progress) -> tuple[History, DrawnSample]:
        """Read records, group them into one row per prompt, and draw a sample of long histories.

        Raises
        ------
        HistoryEmpty, TooLittleToLearn, NoOverlap
            No usable row, or nothing from which an uplift can be learnt.
        """
        arms: tuple[Arm, ...] | None = load_arms(source.arms) if source.arms else None
        history = read(source.data, arms=arms, quarantine=source.quarantine, progress=progress)
        require_rows(history)
        with explain_quarantined(history):
            dataset = build_dataset(history.frame, arms or infer_arms(history.frame))
        require_overlap(dataset)  # before anything takes minutes
        return history, draw_prompts(dataset, source.at_most, source.seed)

    def design(self, encoder: Encoder, dataset: Dataset, progress: Progress) -> FloatArray:
        """Encode all prompts: float32 (n, P)."""
        return design_rows(encoder, dataset.requests, progress)

    def trainer_factory(self, folds: int) -> TrainerFactory | None:  # noqa: ARG002 - `fit` assigns the folds itself
        """Give None: `fit` learns from the local sample."""
        return None
