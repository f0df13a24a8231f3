"""Replays of files and journals: what is read, what is noted, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.decision.errors import BadInput
from tests.support.savings_cases import entries
from tests.support.small_training import trained, write_records
from tests.support.synthetic_journal import journal
from training.errors import BadHistory, HistoryMissing
from training.savings.replay import ReplaySettings, replay_traffic

ARMS_TOML = "".join(
    f'[[arm]]\nname = "{name}"\nmodel = "m"\neffort = "{effort}"\n'
    "price_usd_per_mtok = { input = 1.0, output = 10.0 }\n"
    for name, effort in (("direct", "none"), ("low", "low"), ("high", "high"))
)


def test_a_bundle_on_its_own_training_records_is_warned_of(tmp_path: Path) -> None:
    bundle = trained().exported.path
    settings = ReplaySettings(bundle=bundle, resamples=20, quarantine=tmp_path / "q.quarantine.jsonl")
    own = replay_traffic([str(bundle.parent / "history.parquet")], settings)
    assert any("trained on these very records" in note for note in own.notes)
    newer = write_records(tmp_path / "newer.parquet", 60, start=5000)
    other = replay_traffic([str(newer)], settings)
    assert not any("very records" in note for note in other.notes)
    assert any("SYNTHETIC" in note for note in other.notes)
    assert (other.requests, other.estimator) == (60, "direct")


def test_a_journal_is_replayed_and_its_url_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "arms.toml").write_text(ARMS_TOML, encoding="utf-8")
    store = journal(tmp_path / "journal.db")
    made = entries(40)
    store.append([entry.decision for entry in made], [entry.outcome for entry in made if entry.outcome])
    store.close()
    settings = ReplaySettings(arms=tmp_path / "arms.toml", resamples=20, snips=True)
    found = replay_traffic([f"sqlite:///{tmp_path / 'journal.db'}"], settings)
    assert (found.kind, found.requests, found.estimator) == ("journal", 40, "snips")
    assert found.source == "the journal"


def test_what_can_not_be_replayed_names_the_cure(tmp_path: Path) -> None:
    (tmp_path / "arms.toml").write_text(ARMS_TOML, encoding="utf-8")
    arms = ReplaySettings(arms=tmp_path / "arms.toml", quarantine=tmp_path / "q.quarantine.jsonl")
    with pytest.raises(BadInput, match="--bundle"):
        replay_traffic(["a.jsonl"], ReplaySettings())
    with pytest.raises(BadInput, match="not both"):
        replay_traffic(["sqlite:///a.db", "a.jsonl"], arms)
    with pytest.raises(BadInput, match="is not there"):
        replay_traffic([f"sqlite:///{tmp_path / 'nowhere.db'}"], arms)
    with pytest.raises(HistoryMissing, match="no such file"):
        replay_traffic([str(tmp_path / "nowhere.jsonl")], arms)
    journal(tmp_path / "empty.db").close()
    with pytest.raises(BadHistory, match="0 decisions of the journal"):
        replay_traffic([f"sqlite:///{tmp_path / 'empty.db'}"], arms)
