"""Local backend: reads, encodes and fits on this machine."""

from __future__ import annotations

from serving.decision.policy.arms import load_arms
from serving.decision.types import Arm, FloatArray
from training.backends.base import RecordSource, explain_quarantined
from training.dataset.arm_inference import infer_arms
from training.dataset.dataset import Dataset, build_dataset
from training.dataset.overlap import require_overlap
from training.dataset.sampling import DrawnSample, draw_prompts
from training.encoders.design_matrix import Encoder, design_rows
from training.models.targets import TrainerFactory
from training.progress import Progress
from training.records.history import History, read, require_rows


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
