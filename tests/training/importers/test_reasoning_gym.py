"""Results of the reasoning-gym-eval repository, read from its folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.importer_rows import calls, kinds, outcome
from training.importers.catalog import import_history
from training.records.history import read


@pytest.fixture(scope="module")
def gym(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder of our own in the layout of the public repository."""
    root = tmp_path_factory.mktemp("gym")
    for model, score in (("meta-llama_llama-4-maverick_20250406_081553", 0.0), ("openai_o3-mini_20250315_181742", 1.0)):
        folder = root / "easy" / model / "arithmetic"
        folder.mkdir(parents=True)
        completions = [{"model_answer": "7", "full_model_response": "<answer>7</answer>", "score": score}] * 3
        results = [{"question": f"What is {n} + 1?", "expected_answer": "7", "best_score": score, "mean_score": score,
                    "completions": completions} for n in range(4)]  # fmt: skip
        task = {"name": "sums", "category": "arithmetic", "system_prompt": "Think.", "results": results}
        (folder / "sums.json").write_text(json.dumps(task, indent=1))
        (folder.parent / "summary.json").write_text(json.dumps({"total": 1}))
    return root


def test_reasoning_gym_on_a_folder_of_our_own(gym: Path, tmp_path: Path) -> None:
    found = import_history("reasoning-gym-eval", gym, tmp_path / "o.jsonl", tmp_path / "q.quarantine.jsonl")
    assert (found.read, found.written) == (26, 24)
    assert found.quarantined == {"not a result file": 2}
    assert found.per_arm == {"meta-llama/llama-4-maverick": 12, "openai/o3-mini": 12}
    frame = read(tmp_path / "o.jsonl").frame
    assert frame["prompt_id"].nunique() == 4
    assert set(frame["difficulty"]) == {"easy"}


def test_reasoning_gym_on_the_repositorys_own_files(tmp_path: Path) -> None:
    """Runs only where the original files exist beside the project; the generated folder above has the same layout."""
    raw = Path(__file__).parents[4] / "shared" / "data" / "raw" / "reasoning_gym_eval"
    if not raw.is_dir():
        return
    expected = sum(
        len(result["completions"]) for file in raw.rglob("*.json") for result in json.loads(file.read_text())["results"]
    )
    found = import_history("reasoning-gym-eval", raw, tmp_path / "o.parquet", tmp_path / "q.quarantine.jsonl")
    assert (found.read, found.written) == (expected, expected)
    assert set(found.per_arm) == {"meta-llama/llama-4-maverick", "openai/o3-mini"}
    assert read(tmp_path / "o.parquet").counts.kept == expected


def test_all_endings_hold_the_same(gym: Path, tmp_path: Path) -> None:
    frames = []
    for ending in ("jsonl", "csv", "parquet"):
        out = tmp_path / f"o.{ending}"
        import_history("reasoning-gym-eval", gym, out, tmp_path / "q.quarantine.jsonl")
        frames.append(read(out).frame[["request_id", "prompt", "arm", "success", "task"]].astype(str))
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])


def test_folders_that_name_no_model_and_results_without_a_score_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "easy" / "openai_o3-mini_20250315_181742" / "arithmetic"
    folder.mkdir(parents=True)
    results = [
        {"question": "Q", "completions": [{"score": None}, {"score": 0.5}]},
        {"question": "R", "mean_score": 1.0},
    ]
    task = json.dumps({"name": "sums", "category": "arithmetic", "results": results})
    (folder / "sums.json").write_text(task)
    named = calls("reasoning-gym-eval", folder)
    assert kinds(named) == ["no score", "mapped", "mapped"]
    assert [outcome(call)["success"] for call in named[1:]] == [0.5, 1.0]
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "sums.json").write_text(task)
    assert set(kinds(calls("reasoning-gym-eval", tmp_path / "loose" / "sums.json"))) == {"no model"}


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sums.json").write_text("{")
    assert kinds(calls("reasoning-gym-eval", tmp_path)) == ["not JSON"]
