"""Treatments: what the journal says was applied against what a recording upstream got, by reason and integration."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.support.envoy_gate import serve_gate
from tests.support.treatment_runs import Findings, run_in_process, run_through_envoy


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=10_000, help="generated bodies, a tenth of them through Envoy")
    parser.add_argument("--seed", type=int, default=2026)
    args = parser.parse_args()
    by_envoy = args.bodies // 10
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _show("in process", run_in_process(folder, args.bodies - by_envoy, args.seed))
        (folder / "gate").mkdir()
        with serve_gate(folder / "gate") as gate:
            _show("through Envoy", run_through_envoy(gate, by_envoy, args.seed))


def _show(name: str, found: Findings) -> None:
    print(f"{name}: {found.calls} decided calls, {found.undecided} passed undecided")
    print(f"  the upstream got something else than was decided, or that is not known: {found.decided_differs}")
    print(f"  journalled effort or model differs from what the upstream got: {len(found.wrong)}")
    for fault in found.wrong[:10]:
        print(f"    {fault}")
    print(f"  what was asked for is not known: {found.unknown}")
    for reason, calls in sorted(found.reasons.items(), key=lambda item: -item[1]):
        print(f"  {reason or 'applied as decided'}: {calls}")


if __name__ == "__main__":
    main()
