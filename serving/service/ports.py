"""Ports of the decision service: sources of runtime state, and sinks of decisions and outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from serving.decision import Decision, RecordedDecision, Request
from serving.decision.selection import RuntimeState
from serving.journal import DecisionRow, OutcomeRow


class RuntimeStateSource(Protocol):
    """Provides part of the runtime state: sessions, budgets, arm health."""

    def runtime_state(self, request: Request, headers: Mapping[str, str]) -> RuntimeState:
        """Give this part of the runtime state; cheap, and never raises.

        Parameters
        ----------
        headers
            Lower-case names to values, of those headers only that the policy's rules look at.
        """
        ...


class RequestIdentifier(Protocol):
    """Completes a request that was read from a provider's body: its session, and whether its effort is a choice."""

    def identify(self, request: Request, headers: Iterable[tuple[bytes, bytes]]) -> Request:
        """Give the completed request; cheap.

        Parameters
        ----------
        headers
            Lower-case names and values of the call.
        """
        ...

    def remember_reply(self, request: Request, reply_id: str) -> None:
        """Remember the provider's id of the reply to a completed request; cheap."""
        ...


class Tracing(Protocol):
    """Receives each decision with the headers of its call, which name the caller's trace."""

    def decided(self, headers: Iterable[tuple[bytes, bytes]], decision: Decision) -> None:
        """Handle it; never waits, never raises."""
        ...


class DecisionSink(Protocol):
    """Receives each decision after it was made: journal, budgets, sessions, metrics, shadow."""

    def decided(self, request: Request, decided: RecordedDecision) -> None:
        """Handle it; never waits, never raises.

        `decided.record` is None where no model was asked; `decided.applied` says what the call really asks for.
        """
        ...


class OutcomeSink(Protocol):
    """Receives each outcome once it is durable: arm health, budgets, metrics."""

    def reported(self, outcome: OutcomeRow, decision: DecisionRow | None) -> None:
        """Handle it, on the event loop; never waits, never raises.

        Parameters
        ----------
        outcome
            This one report, not merged with earlier ones on the same decision.
        decision
            What it speaks of, without text and replay; None where nobody knows it (yet).
        """
        ...
