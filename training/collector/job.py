"""What to collect and how, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.decision.types import Arm
from training.collector.client import CallSettings
from training.collector.graders.catalog import JUDGE
from training.collector.prompt_file import Prompt, PromptFile


@dataclass(frozen=True, slots=True)
class Job:
    """What to collect, and how.

    Parameters
    ----------
    runs
        Calls of each prompt with each arm.
    judge
        The model that judges, as an arm with a price; needed where a prompt's grader is `judge`.
    key
        Bearer token for the endpoint; never written anywhere.
    concurrency
        Calls at a time.
    max_usd
        Budget cap, over all runs of the same log.
    """

    prompts: PromptFile
    arms: Sequence[Arm]
    manner: CallSettings
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
    """Where a call belongs: which prompt, arm and run."""

    prompt: Prompt
    arm: Arm
    run: int

    @property
    def key(self) -> str:
        """Name the call."""
        return f"{self.prompt.key}|{self.arm.name}|{self.run}"


@dataclass(frozen=True, slots=True)
class CollectionResult:
    """What came of it.

    Parameters
    ----------
    written
        Outcome records; with `failed` and `left` all calls of the plan.
    failed
        Calls without an answer, by reason; they are in quarantine, and made again by the next run.
    left
        Calls that the budget did not allow.
    spent_usd
        By this log as a whole.
    ungraded
        Records without a verdict, by reason.
    """

    written: int
    failed: Mapping[str, int]
    left: int
    spent_usd: float
    ungraded: Mapping[str, int]


def call_keys(job: Job) -> Iterator[CallKey]:
    """List the calls prompt by prompt, all arms of one beside each other."""
    for prompt in job.prompts.prompts:
        for run in range(1, job.runs + 1):
            for arm in job.arms:
                yield CallKey(prompt, arm, run)


def judge_key(answer_key: str, order: int) -> str:
    """Name a question to the judge about an answer."""
    return f"{answer_key}|{JUDGE}|{order}"
