"""The gate log on a real MLflow store: verdicts by key, the champion of a resumed run, rollback, bundles copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.decision.bundle.loader import load_bundle
from tests.support import bundles
from training.metrics.bootstrap import Interval
from training.promotion.gate_log import GateExpectation, GateLog, GateRecord, NothingBefore, copy_bundle
from training.promotion.gate_types import BundleValue
from training.promotion.registry import Registry, Version

EXPECTED = GateExpectation((0.8, 0.7, 0.9), (0.01, 0.0, 0.02), (900.0, 800.0, 1000.0))


@pytest.fixture(scope="module")
def gate_log(tmp_path_factory: pytest.TempPathFactory) -> GateLog:
    folder = tmp_path_factory.mktemp("gate")
    return GateLog(Registry(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts"))


@pytest.fixture(scope="module")
def versions(gate_log: GateLog) -> list[Version]:
    """Two versions with a verdict each; the second one was promoted by a run that was killed before its verdict."""
    made = []
    for number in (0, 1):
        with gate_log.run(f"key{number}", {"note": "x"}) as run:
            made.append(run.register(bundles.exported(number)))
            gate_log.registry.promote(made[-1])
            if number == 0:
                gate_log.write(run, GateRecord("key0", "promote", "first", "", "b0", version="1", expected=EXPECTED))
    return made


def test_a_record_survives_its_json() -> None:
    record = GateRecord("k", "keep", "gain", "shows no gain", "b", "c", None, EXPECTED, canary=True)
    assert GateRecord.from_json(record.to_json()) == record
    first = GateRecord("k", "promote", "first", "", "b")
    assert GateRecord.from_json(first.to_json()) == first


def test_an_expectation_holds_the_intervals_of_a_bundles_value() -> None:
    value = BundleValue("b", Interval(1, 1, 1), Interval(0.8, 0.7, 0.9), Interval(0.01, 0, 0.02), Interval(5, 4, 6))
    assert GateExpectation.of(value) == GateExpectation((0.8, 0.7, 0.9), (0.01, 0, 0.02), (5, 4, 6))


def test_verdicts_are_found_by_key_and_by_version(gate_log: GateLog, versions: list[Version]) -> None:
    found = gate_log.find("key0")
    assert found is not None
    assert found.expected == EXPECTED
    assert gate_log.of_version(versions[0].version) == found
    assert gate_log.find("key1") is None, "a run without a verdict is unfinished"
    assert gate_log.of_version(versions[1].version) is None


def test_a_resumed_run_finds_its_version_and_the_champion_before_it(gate_log: GateLog, versions: list[Version]) -> None:
    own = gate_log.registered("key1")
    assert own is not None
    assert own.version == versions[1].version
    assert gate_log.registered("never") is None
    before, newest = gate_log.champion(own), gate_log.champion(None)
    assert before is not None
    assert newest is not None
    assert (before.version, newest.version) == (versions[0].version, versions[1].version)


def test_a_rollback_swaps_and_a_second_one_undoes_it(gate_log: GateLog, versions: list[Version]) -> None:
    assert gate_log.roll_back().version == versions[0].version
    assert gate_log.roll_back().version == versions[1].version


def test_a_rollback_needs_an_earlier_champion(tmp_path: Path) -> None:
    with pytest.raises(NothingBefore, match="no version was champion"):
        GateLog(Registry(f"sqlite:///{tmp_path / 'empty.db'}")).roll_back()


def test_a_version_is_fetched_as_a_whole_over_an_older_one(
    gate_log: GateLog, versions: list[Version], tmp_path: Path
) -> None:
    folder = copy_bundle(bundles.exported(1), tmp_path / "live")
    gate_log.fetch(versions[0], folder)
    assert load_bundle(folder).bundle_id == load_bundle(bundles.exported(0)).bundle_id
    assert not [file for file in folder.iterdir() if file.name.endswith(".part")]
