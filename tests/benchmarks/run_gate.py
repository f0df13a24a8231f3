"""How often the gate promotes truly worse and truly better challengers (SYNTHETIC)."""

from __future__ import annotations

from training.metrics.bootstrap import proportion_interval

from .gate_study import Setting, count

RUNS = 200
SETTINGS = (
    Setting(0.0),
    Setting(-0.005),
    Setting(-0.02),
    Setting(-0.02, rows=2_000),
    Setting(-0.005, paired=True, rows=2_000),
    Setting(0.01),
    Setting(0.02),
    Setting(0.02, explore=0.1),
    Setting(0.02, rows=5_000),
    Setting(0.02, paired=True, rows=5_000),
)


def main() -> None:
    """Print Markdown."""
    print("| true gain | rows | outcomes | promoted | share, 95 % |")
    print("|---|---|---|---|---|")
    for number, setting in enumerate(SETTINGS):
        found = count(setting, RUNS, first_seed=10_000 * number)
        kind = "paired" if setting.paired else f"logged, {setting.explore:.0%} explored"
        share = proportion_interval(found.promoted, found.runs)
        print(
            f"| {100 * found.true_gain:+.2f} % | {setting.rows:,} | {kind} | {found.promoted} of {found.runs}"
            f" | {share} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
