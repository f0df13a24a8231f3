"""Log of gate verdicts in MLflow, keyed by data and settings: a repeated run gets the stored verdict."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import orjson
from mlflow import MlflowClient

from serving.decision.bundle import FILES, MANIFEST
from training.atomic_files import replacing
from training.errors import TrainingError
from training.promotion.gate_types import BundleValue
from training.promotion.registry import CHAMPION, MODEL_NAME, PREVIOUS, Registry, Run, Version

_KEY, _VERDICT = "retrain.key", "retrain.verdict"
_TAG_CHARS = 4500


class NothingBefore(TrainingError):
    """There is no earlier version to roll back to."""


@dataclass(frozen=True, slots=True)
class GateExpectation:
    """Estimates of the gate for a bundle: value, lower and upper end, per request.

    Parameters
    ----------
    success, cost_usd, latency_ms
        Three numbers each.
    """

    success: tuple[float, float, float]
    cost_usd: tuple[float, float, float]
    latency_ms: tuple[float, float, float]

    @staticmethod
    def of(value: BundleValue) -> GateExpectation:
        """Take the intervals of a bundle's value."""
        intervals = (value.success, value.cost_usd, value.latency_ms)
        return GateExpectation(*((each.value, each.lower, each.upper) for each in intervals))


@dataclass(frozen=True, slots=True)
class GateRecord:
    """One verdict of the gate.

    Parameters
    ----------
    key
        Names data and settings.
    verdict
        `promote` or `keep`.
    guard
        The check that decided: `gain` where it was promoted, `first` where there was no champion.
    bundle_id, champion_id
        Of the challenger; of the champion it was compared with, None for the first.
    version
        Of the registry; None where it was not promoted.
    expected
        Of the challenger; None for the first.
    canary
        It was promoted as a canary first.
    """

    key: str
    verdict: str
    guard: str
    reason: str
    bundle_id: str
    champion_id: str | None = None
    version: str | None = None
    expected: GateExpectation | None = None
    canary: bool = False

    def to_json(self) -> str:
        """Write it."""
        return orjson.dumps(asdict(self)).decode("utf-8")

    @staticmethod
    def from_json(text: str) -> GateRecord:
        """Read what `to_json` wrote."""
        raw: dict[str, Any] = orjson.loads(text)
        intervals = raw.pop("expected")
        expected = (
            None if intervals is None else GateExpectation(**{name: tuple(three) for name, three in intervals.items()})
        )
        return GateRecord(**raw, expected=expected)


class GateLog:
    """Runs and gate verdicts of retraining in an MLflow store."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._client = MlflowClient(tracking_uri=registry.uri)

    def find(self, key: str) -> GateRecord | None:
        """Return the verdict on these data; None where there is none yet."""
        for run in self._runs(f"tags.`{_KEY}` = '{key}'"):
            if _VERDICT in run.data.tags:
                return GateRecord.from_json(run.data.tags[_VERDICT])
        return None

    def of_version(self, version: str) -> GateRecord | None:
        """Return the verdict that promoted a version; None for a version that was set by hand."""
        found = self._client.get_model_version(MODEL_NAME, version)
        tags = self._client.get_run(found.run_id).data.tags if found.run_id else {}
        # By its key: a killed run registered the version, and the run that resumed it holds the verdict.
        return self.find(tags[_KEY]) if _KEY in tags else None

    @contextmanager
    def run(self, key: str, tags: Mapping[str, str]) -> Iterator[Run]:
        """Open a run of retraining."""
        with self.registry.run(f"retrain {key}", {**tags, _KEY: key}) as run:
            yield run

    def registered(self, key: str) -> Version | None:
        """Return the version that a killed run had already registered."""
        for run in self._runs(f"tags.`{_KEY}` = '{key}'"):
            for found in self._client.search_model_versions(f"run_id = '{run.info.run_id}'"):
                return Version(str(found.name), str(found.version), str(run.info.run_id))
        return None

    def champion(self, own: Version | None) -> Version | None:
        """Return the champion to compare with: not `own`, to which a killed run may have moved the alias."""
        champion = self.registry.alias(CHAMPION)
        if own is None or champion is None or champion.version != own.version:
            return champion
        return self.registry.alias(PREVIOUS)

    def write(self, run: Run, record: GateRecord) -> None:
        """Write the verdict; the last step, so a run without one is unfinished."""
        text = record.to_json()
        assert len(text) < _TAG_CHARS, "a reason is one line"
        self._client.set_tag(run.run_id, _VERDICT, text)

    def fetch(self, version: Version, folder: Path) -> Path:
        """Download a version's bundle into a folder, the manifest last, so readers never see a partial bundle."""
        with TemporaryDirectory() as place:
            uri = f"models:/{version.name}/{version.version}"
            got = Path(mlflow.artifacts.download_artifacts(uri, dst_path=place, tracking_uri=self.registry.uri))
            return copy_bundle(got, folder)

    def roll_back(self) -> Version:
        """Swap `champion` and `previous`; a second call undoes the first.

        Raises
        ------
        NothingBefore
            No version was champion before.
        """
        champion, previous = self.registry.alias(CHAMPION), self.registry.alias(PREVIOUS)
        if champion is None or previous is None:
            raise NothingBefore("no version was champion before this one: train one, or move the alias by hand")
        self.registry.promote(previous)
        return previous

    def _runs(self, query: str) -> list[Any]:
        found = self._client.get_experiment_by_name("thinkgate")
        if found is None:
            return []
        return list(self._client.search_runs([found.experiment_id], query))


def copy_bundle(bundle: Path, folder: Path) -> Path:
    """Copy a bundle to a folder that a server watches: each file atomically, the manifest last."""
    for name in (*FILES, MANIFEST):
        with replacing(folder / name) as part:
            shutil.copyfile(bundle / name, part)
    return folder
