"""Imports results of the public reasoning-gym-eval repository, `DIFFICULTY/MODEL_DATE_TIME/CATEGORY/TASK.json`.

Each completion of a result is a call; a result without its completions is one call with their mean score. Tokens
and latencies are not recorded. Model and difficulty come from the folder names; without them, rows are rejected.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson

from training.importers.base import Call, ImportOptions, RefusedRow, arm_of, first_known, map_row
from training.importers.streams import files_of
from training.records import OutcomeRecord, Unmappable, label, number

_RUN: Final = re.compile(r"^(?P<model>.+?)_\d{8}_\d{6}$")


def reasoning_gym_eval(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Import one task's file, or all files of a folder."""
    for file in files_of(path):
        try:
            task = orjson.loads(file.read_bytes())
        except orjson.JSONDecodeError as error:
            yield RefusedRow(str(file), 1, "not JSON", f"not JSON ({error.msg}): fetch the file again", "")
            continue
        results = task.get("results") if isinstance(task, dict) else None
        if not isinstance(results, list):
            yield RefusedRow(
                str(file), 1, "not a result file", "no results in it: a summary, or another tool's file", ""
            )
            continue
        for index, result in enumerate(results, 1):
            yield from _result(file, index, task, result, options)


def _result(file: Path, index: int, task: Mapping[str, Any], result: Any, options: ImportOptions) -> Iterator[Call]:
    row = result if isinstance(result, Mapping) else {"result": result}
    runs = row.get("completions")
    if not isinstance(runs, list) or not runs:
        runs = [row]
    for run, completion in enumerate(runs, 1):
        quarantined = {"question": row.get("question"), "completion": completion}
        yield map_row(str(file), index, quarantined, partial(_outcome, file, task, row, run, completion, options))


def _outcome(
    file: Path, task: Mapping[str, Any], row: Mapping[str, Any], run: int, completion: Any, options: ImportOptions
) -> OutcomeRecord:
    model = _model(file)
    score = number(first_known(completion.get("score"), completion.get("mean_score")), "score")
    if score is None:
        raise Unmappable("no score", "the completion has no score")
    category, difficulty = label(task.get("category")), file.parents[2].name
    name = f"{difficulty}/{model}/{category}/{task['name']}/{label(row['question'])}"
    return OutcomeRecord(
        request_id=f"rg-{_digest(name)}-{run}",
        prompt=row["question"],
        arm=arm_of(model, None, options.arms),
        success=score,
        model=model,
        task=label(task["name"]),
        extras={"category": category, "difficulty": difficulty},
    )


def _model(file: Path) -> str:
    named = _RUN.match(file.parents[1].name) if len(file.parents) > 2 else None
    if named is None:
        raise Unmappable("no model", "the folders do not name the model: keep DIFFICULTY/MODEL_DATE_TIME/CATEGORY/")
    return named["model"].replace("_", "/", 1)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()
