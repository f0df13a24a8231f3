"""A sample of synthetic prompts with everything that is true of them, before any call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.decision import Arm, Request
from training.synthetic.response_model import WorldTruth, concat_truths
from training.types import Array, BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class PromptSample:
    """n prompts and the truth about each; K arms, the first is the baseline.

    Parameters
    ----------
    arms
        The K arms.
    index
        int64 (n,): place of the prompt in the world; the same seed and place always give the same prompt.
    requests
        n conversations; a prompt without a system turn or a history has one user turn.
    tasks
        (n,) names; `follow_up` for 'yes, do it'.
    base_tasks
        (n,) names; of a follow-up, the task that its conversation is about.
    languages
        (n,) en, de, es or zh.
    level
        (n,) in [0, 1]: the part of the difficulty that the text shows, blurred.
    timestamp
        (n,) epoch seconds, not sorted.
    shifted
        bool (n,): after the world's shift.
    input_tokens, cached_input_tokens
        (n,) counts; cached ones are among the input tokens.
    truth
        Success, failure modes, tokens, latency and cost.
    expected_success
        (n, K) P(success) averaged over what no text shows: the best that a model of the text could know.
    """

    arms: tuple[Arm, ...]
    index: IntArray
    requests: tuple[Request, ...]
    tasks: NDArray[np.object_]
    base_tasks: NDArray[np.object_]
    languages: NDArray[np.object_]
    level: Array
    timestamp: Array
    shifted: BoolArray
    input_tokens: Array
    cached_input_tokens: Array
    truth: WorldTruth
    expected_success: Array

    def __len__(self) -> int:
        """Give the number of prompts."""
        return len(self.requests)

    @property
    def success(self) -> Array:
        """(n, K) true P(success)."""
        return self.truth.success

    @property
    def uplift(self) -> Array:
        """(n, K-1) true P(success | arm) - P(success | baseline)."""
        gains: Array = self.success[:, 1:] - self.success[:, :1]
        return gains

    @property
    def texts(self) -> tuple[str, ...]:
        """n texts: all turns of the conversation, joined by newlines."""
        return tuple("\n".join([message.text for message in request.messages]) for request in self.requests)

    def take(self, rows: IntArray | BoolArray) -> PromptSample:
        """Keep some prompts, by place or by mask."""
        places = np.arange(len(self))[rows]
        return PromptSample(
            self.arms,
            self.index[places],
            tuple(self.requests[place] for place in places.tolist()),
            self.tasks[places],
            self.base_tasks[places],
            self.languages[places],
            self.level[places],
            self.timestamp[places],
            self.shifted[places],
            self.input_tokens[places],
            self.cached_input_tokens[places],
            self.truth.take(places),
            self.expected_success[places],
        )


def concat_samples(parts: Sequence[PromptSample]) -> PromptSample:
    """Put draws of the same world in order."""
    return PromptSample(
        parts[0].arms,
        np.concatenate([part.index for part in parts]),
        tuple(request for part in parts for request in part.requests),
        np.concatenate([part.tasks for part in parts]),
        np.concatenate([part.base_tasks for part in parts]),
        np.concatenate([part.languages for part in parts]),
        np.concatenate([part.level for part in parts]),
        np.concatenate([part.timestamp for part in parts]),
        np.concatenate([part.shifted for part in parts]),
        np.concatenate([part.input_tokens for part in parts]),
        np.concatenate([part.cached_input_tokens for part in parts]),
        concat_truths([part.truth for part in parts]),
        np.concatenate([part.expected_success for part in parts]),
    )
