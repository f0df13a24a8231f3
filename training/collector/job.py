"""Description and result of a collection: job, call keys and counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.decision import Arm
from training.collector.client import CallSettings
from training.collector.graders import JUDGE
from training.collector.prompt_file import Prompt, PromptFile


@dataclass(frozen=True, slots=True)
class Job:
    """Description of a collection.

    Parameters
    ----------
    runs
        Calls of each prompt with each arm.
    judge
        The judge model as an arm with a price; required where a prompt's grader is `judge`.
    key
        Bearer token for the endpoint; never written to a file.
    concurrency
        Maximum concurrent calls.
    max_usd
        Spend limit over all runs with the same log.
    """

    prompts: PromptFile
    arms: Sequence[Arm]
    settings: CallSettings
    log: Path
    out: Path
    quarantine: Path
    runs: int = 1
    judge: Arm | None = None
    key: str | None = None
    concurrency: int = 8
    max_usd: float | None = None


@dataclass(frozen=True, slots=True)
class CallKey:
    """Identifies a call by prompt, arm and run."""

    prompt: Prompt
    arm: Arm
    run: int

    @property
    def key(self) -> str:
        """The key of the call in the log."""
        return f"{self.prompt.key}|{self.arm.name}|{self.run}"


@dataclass(frozen=True, slots=True)
class CollectionResult:
    """Counts of a collection.

    Parameters
    ----------
    written
        Outcome records; with `failed` and `remaining`, all planned calls.
    failed
        Calls without an answer by reason; quarantined, and repeated by the next run.
    remaining
        Calls that the budget did not allow.
    spent_usd
        Cost of all calls in the log.
    ungraded
        Records without a grade, by reason.
    """

    written: int
    failed: Mapping[str, int]
    remaining: int
    spent_usd: float
    ungraded: Mapping[str, int]


def call_keys(job: Job) -> Iterator[CallKey]:
    """Yield the keys of all calls, prompt by prompt, the arms of a prompt side by side."""
    for prompt in job.prompts.prompts:
        for run in range(1, job.runs + 1):
            for arm in job.arms:
                yield CallKey(prompt, arm, run)


def judge_key(answer_key: str, order: int) -> str:
    """Return the log key of a judge call about an answer."""
    return f"{answer_key}|{JUDGE}|{order}"
