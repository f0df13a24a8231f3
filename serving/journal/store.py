"""SQL store of the journal: the same contract on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Select, and_, delete, func, or_, select

from serving.journal.database import insert_into, open_database
from serving.journal.policy_snapshot import PolicySnapshotRow
from serving.journal.rows import DecisionRow, JournalEntry, OutcomeRow, from_columns, merge_outcomes, to_columns
from serving.journal.schema import decisions, outcomes, policy_snapshots, upgrade

CHUNK: Final = 2000
"""Decisions that `Store.entries` reads at once."""
_IDS_PER_QUERY: Final = 500


class Store:
    """Decisions and outcomes in a database.

    Parameters
    ----------
    url
        `sqlite:///path.db` or `postgresql://user:password@host/database`.

    Raises
    ------
    BadJournalUrl
        The URL is of another kind.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)

    def upgrade(self) -> None:
        """Bring the tables to the newest revision."""
        upgrade(self._engine)

    def append(self, decided: Sequence[DecisionRow], reported: Sequence[OutcomeRow]) -> None:
        """Write both in one transaction; a row that is stored already stays one row.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            Nothing was written.
        """
        with self._engine.begin() as connection:
            if decided:
                insert = insert_into(self._engine, decisions)
                connection.execute(insert.on_conflict_do_nothing(), [to_columns(row) for row in decided])
            if reported:
                insert = insert_into(self._engine, outcomes)
                later = insert.excluded.reported_at > outcomes.c.reported_at
                statement = insert.on_conflict_do_update(
                    index_elements=["decision_id", "digest"],
                    set_={"reported_at": insert.excluded.reported_at},
                    where=later,
                )
                connection.execute(statement, [{**to_columns(row), "digest": row.digest} for row in reported])

    def entry(self, decision_id: str) -> JournalEntry | None:
        """Read one decision with its outcome."""
        found = list(self._entries(select(decisions).where(decisions.c.decision_id == decision_id)))
        return found[0] if found else None

    def decisions(self, decision_ids: Sequence[str]) -> list[DecisionRow]:
        """Read the decisions that are stored, without `messages` and `replay`, in any order."""
        columns = [column for column in decisions.c if column.name not in ("messages", "replay")]
        found: list[DecisionRow] = []
        with self._engine.connect() as connection:
            for start in range(0, len(decision_ids), _IDS_PER_QUERY):
                chosen = decisions.c.decision_id.in_(decision_ids[start : start + _IDS_PER_QUERY])
                rows = connection.execute(select(*columns).where(chosen))
                found += [from_columns(DecisionRow, row._asdict()) for row in rows]
        return found

    def entries(self, since: float = 0.0, until: float = float("inf")) -> Iterator[JournalEntry]:
        """Read decisions of [since, until) in order of time, in chunks of constant memory."""
        last = (since, "")
        while True:
            after = or_(
                decisions.c.decided_at > last[0],
                and_(decisions.c.decided_at == last[0], decisions.c.decision_id > last[1]),
            )
            query = select(decisions).where(after)
            if until != float("inf"):
                query = query.where(decisions.c.decided_at < until)
            query = query.order_by(decisions.c.decided_at, decisions.c.decision_id).limit(CHUNK)
            chunk = list(self._entries(query))
            yield from chunk
            if len(chunk) < CHUNK:
                return
            last = (chunk[-1].decision.decided_at, chunk[-1].decision.decision_id)

    def save_policy_snapshot(self, row: PolicySnapshotRow) -> None:
        """Write the snapshot of a policy version; one that is stored already stays."""
        with self._engine.begin() as connection:
            insert = insert_into(self._engine, policy_snapshots)
            connection.execute(insert.on_conflict_do_nothing(), [asdict(row)])

    def policy_snapshot(self, version: str) -> PolicySnapshotRow | None:
        """Read the snapshot of a policy version; None where it is not stored."""
        with self._engine.connect() as connection:
            query = select(policy_snapshots).where(policy_snapshots.c.version == version)
            found = connection.execute(query).first()
        return None if found is None else PolicySnapshotRow(**found._asdict())

    def count(self) -> tuple[int, int]:
        """Count decisions, and decision ids with an outcome report."""
        with self._engine.connect() as connection:
            made = connection.execute(select(func.count()).select_from(decisions)).scalar_one()
            known = connection.execute(select(func.count(outcomes.c.decision_id.distinct()))).scalar_one()
        return int(made), int(known)

    def forget(self, *, tenant: str | None = None, session_id: str | None = None, before: float | None = None) -> int:
        """Delete the decisions of a tenant, of a session or older than `before`, with their outcomes.

        Returns
        -------
        Number of decisions deleted.
        """
        wanted = {"tenant": tenant, "session_id": session_id}
        conditions = [decisions.c[name] == value for name, value in wanted.items() if value is not None]
        if before is not None:
            conditions.append(decisions.c.decided_at < before)
        if not conditions:
            raise ValueError("name a tenant, a session or an age")
        chosen = select(decisions.c.decision_id).where(*conditions)
        with self._engine.begin() as connection:
            connection.execute(delete(outcomes).where(outcomes.c.decision_id.in_(chosen)))
            if before is not None and tenant is None and session_id is None:
                known = select(decisions.c.decision_id)
                orphan = outcomes.c.decision_id.not_in(known) & (outcomes.c.reported_at < before)
                connection.execute(delete(outcomes).where(orphan))
            return int(connection.execute(delete(decisions).where(*conditions)).rowcount)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _entries(self, query: Select[Any]) -> Iterator[JournalEntry]:
        with self._engine.connect() as connection:
            rows = [from_columns(DecisionRow, row._asdict()) for row in connection.execute(query)]
            ids = [row.decision_id for row in rows]
            reports: dict[str, OutcomeRow] = {}
            for start in range(0, len(ids), _IDS_PER_QUERY):
                asked = _reports(ids[start : start + _IDS_PER_QUERY])
                found = (from_columns(OutcomeRow, row._asdict()) for row in connection.execute(asked))
                for decision_id, group in groupby(found, key=lambda row: str(row.decision_id)):
                    reports[decision_id] = merge_outcomes(group)
        for row in rows:
            yield JournalEntry(row, reports.get(row.decision_id))


def _reports(ids: Sequence[str]) -> Select[Any]:
    return select(outcomes).where(outcomes.c.decision_id.in_(ids)).order_by(outcomes.c.decision_id)
