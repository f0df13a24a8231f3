"""The prompts of `data/sample.jsonl`: few of them, of every task and language."""

from __future__ import annotations

import numpy as np

from training.synthetic import PromptSample


def showcase(sample: PromptSample, count: int) -> PromptSample:
    """Take `count` prompts in their order: the first of each task and language, then the next ones."""
    firsts: dict[str, int] = {}
    for names in (sample.tasks, sample.languages):
        for place, name in enumerate(names.tolist()):
            firsts.setdefault(name, place)
    wanted = list(dict.fromkeys([*firsts.values(), *range(len(sample))]))[:count]
    return sample.take(np.array(sorted(wanted), dtype=np.int64))
