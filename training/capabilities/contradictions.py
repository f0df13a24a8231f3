"""Contradictions: fields at a maker's own host on which sources disagree and which no override settles.

Those that were looked at are kept in `contradictions.json`; a new one fails the build until an override settles it or
somebody accepts that the merge order does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson

from training.capabilities.merge import Merged
from training.errors import TrainingError

ACCEPTED = Path(__file__).with_name("contradictions.json")
MAKERS = (
    "anthropic",
    "cohere",
    "dashscope",
    "deepseek",
    "google",
    "minimax",
    "mistral",
    "moonshot",
    "openai",
    "xai",
    "zai",
)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One disputed field of one model at its maker.

    Parameters
    ----------
    claims
        What each source says, the one that wins first.
    """

    host: str
    key: str
    field: str
    claims: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        said = ", ".join(f"{source} {claim or 'nothing'}" for source, claim in self.claims)
        return f"{self.host} {self.key} {self.field}: {said}"


def find_contradictions(rows: Iterable[Merged]) -> tuple[Contradiction, ...]:
    """List the disputed fields of makers' own models."""
    return tuple(
        Contradiction(row.host, row.key, field, tuple(claims.items()))
        for row in rows
        if row.host in MAKERS
        for field, claims in sorted(row.claims.items())
        if len(set(claims.values())) > 1
    )


def load_accepted(path: Path = ACCEPTED) -> frozenset[str]:
    """Read the contradictions that were looked at."""
    return frozenset(orjson.loads(path.read_bytes())) if path.exists() else frozenset()


def save_accepted(found: Iterable[Contradiction], path: Path = ACCEPTED) -> None:
    """Accept these contradictions, and no others."""
    path.write_bytes(orjson.dumps(sorted(map(str, found)), option=orjson.OPT_INDENT_2) + b"\n")


def refuse_new(found: Iterable[Contradiction], accepted: frozenset[str]) -> None:
    """Raise an error that lists the contradictions that are new.

    Raises
    ------
    NewContradiction
        With the cure.
    """
    new = [str(contradiction) for contradiction in found if str(contradiction) not in accepted]
    if new:
        raise NewContradiction(
            f"{len(new)} new contradictions among sources:\n  "
            + "\n  ".join(new)
            + "\nfind out who is right and add an override to capabilities.toml, or accept the order of merging with "
            "--accept-contradictions"
        )


class NewContradiction(TrainingError):
    """Sources disagree on a maker's model in a way that nobody has looked at."""
