"""Summarises an evaluation in sentences for a platform owner; every figure keeps its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator

from training.evaluation import Evaluation
from training.metrics import Certificate, Interval, NoCertificate

NOT_CLAIMED = (
    "Intervals come from resampling prompts: they say how far the figure could move with other prompts of the same "
    "kind, not how it would move with other kinds of prompts, other models or a model trained on other data.",
    "On task types that were never seen in training, expect little: see the table of unseen task types.",
    "Success is only as good as its labels; a lenient grader makes every arm look good.",
    "A share of the oracle's area can't reach 1: the oracle also knows the luck of each single run.",
)


def percent(interval: Interval, decimals: int = 1) -> str:
    """Write a share with its interval.

    >>> percent(Interval(0.412, 0.39, 0.43))
    '41.2 % [39.0, 43.0]'
    """
    value, low, high = (f"{100 * x + 0.0:.{decimals}f}" for x in (interval.value, interval.lower, interval.upper))
    return f"{value} % [{low}, {high}]"


def usd_with_interval(interval: Interval, times: int = 1) -> str:
    """Write an amount with its interval, three significant digits, for so many `times`.

    >>> usd_with_interval(Interval(0.0021628, 0.00199, 0.002245), 1000)
    '$2.16 [1.99, 2.25]'
    """
    amounts = [times * x for x in (interval.value, interval.lower, interval.upper)]
    largest = max(abs(x) for x in amounts)
    places = 2 if largest == 0 else max(0, 2 - math.floor(math.log10(largest)))
    value, low, high = (f"{x:,.{places}f}" for x in amounts)
    return f"{'-' if amounts[0] < 0 else ''}${value.removeprefix('-')} [{low}, {high}]"


def points_with_interval(interval: Interval) -> str:
    """Write a difference of shares in percentage points.

    >>> points_with_interval(Interval(-0.0012, -0.005, 0.002))
    '-0.1 points [-0.5, +0.2]'
    """
    value, low, high = (f"{round(100 * x, 1) + 0.0:+.1f}" for x in (interval.value, interval.lower, interval.upper))
    return f"{value} points [{low}, {high}]"


def summary(evaluation: Evaluation) -> tuple[str, ...]:
    """The findings, most important first: calls avoided, money, comparison, certificate, unseen tasks, reliability."""
    return tuple(_sentences(evaluation))


def _sentences(e: Evaluation) -> Iterator[str]:
    if e.synthetic:
        yield "SYNTHETIC DATA: prompts and outcomes were generated; no figure here says anything about real traffic."
    yield _calls(e)
    yield _money(e)
    if len(e.routers) > 1:
        yield _comparison(e)
    if e.policies:
        yield _logged(e)
    if e.certificate is not None:
        yield certificate_sentence(e.certificate)
    if e.unseen is not None:
        yield _unseen(e)
    for c in e.calibration:
        yield (
            f"The forecast of success with {c.arm!r} is off by {percent(c.ece)} on average; chance alone would show"
            f" about {100 * c.floor:.1f} %."
        )


def _calls(e: Evaluation) -> str:
    near, full = e.ours.near_quality, e.ours.equal_quality
    return (
        f"{percent(_rest(near.calls))} of the reasoning calls can be avoided within {100 * near.tolerance:g} point of"
        f" the success of always using {e.reference!r}; {percent(_rest(full.calls))} at full equality."
    )


def _money(e: Evaluation) -> str:
    if not e.priced:
        return (
            "Tokens or prices are not known for these prompts (--arms FILE names prices): no saving in USD is claimed,"
            " only reasoning calls avoided."
        )
    cost, always = e.ours.equal_quality.cost_per_success_usd, e.rules[e.arms.index(e.reference)].cost_per_success_usd
    assert cost is not None
    assert always is not None
    return (
        f"At the success of always using {e.reference!r}, 1,000 successful tasks cost {usd_with_interval(cost, 1000)};"
        f" always using it, {usd_with_interval(always, 1000)}."
    )


def _comparison(e: Evaluation) -> str:
    measure = "share of the oracle's area" if e.ours.oracle_share else "area over random"
    figure = e.ours.oracle_share or e.ours.area
    clear = [r.name for r in e.routers[1:] if r.ahead and r.ahead.lower > 0]
    open_ = [r.name for r in e.routers[1:] if r.ahead and r.ahead.lower <= 0 <= r.ahead.upper]
    behind = [r.name for r in e.routers[1:] if r.ahead and r.ahead.upper < 0]
    parts = [f"{measure[0].upper()}{measure[1:]}: {figure}."]
    parts += [f"Above {_listed(clear)} by more than the interval."] if clear else []
    parts += [f"Not distinguishable from {_listed(open_)} on these prompts."] if open_ else []
    parts += [f"BELOW {_listed(behind)}."] if behind else []
    return " ".join(parts)


def _logged(e: Evaluation) -> str:
    first = e.policies[0]
    value, size = first.dr or first.snips, first.overlap
    others = "; ".join(f"{p.policy}, {percent(p.dr or p.snips)}" for p in e.policies[1:])
    return (
        f"On this log, {first.policy!r} would have succeeded {percent(value)} of the time (by"
        f" {'DR' if first.dr else 'SNIPS'}; for that the log is worth {size.effective_size:,.0f} of its"
        f" {size.requests:,} requests). As logged, {percent(first.logged)}{'; ' + others if others else ''}."
    )


def _unseen(e: Evaluation) -> str:
    assert e.unseen is not None
    first, separation = e.unseen.routers[0], e.unseen.separation
    figure = first.oracle_share or first.area
    worth = "better than random" if figure.lower > 0 else "not distinguishable from random"
    if figure.upper < 0:
        worth = "worse than random"
    known = f" Support recognises such prompts with AUROC {separation.auroc}." if separation else ""
    return f"On task types that were not trained on, the same figure is {figure}: {worth}.{known}"


def certificate_sentence(certificate: Certificate | NoCertificate) -> str:
    """Say what is certified, or why nothing is."""
    sure = f"{100 * (1 - certificate.delta):g} %"
    if isinstance(certificate, NoCertificate):
        return f"No certificate for a loss of at most {100 * certificate.epsilon:g} points: {certificate.reason}."
    return (
        f"Certified with {sure} confidence: not reasoning below a score of {certificate.threshold:.3f} costs at most"
        f" {100 * certificate.epsilon:g} points of success, and avoids {100 * certificate.calls_avoided:.1f} % of the"
        f" reasoning calls ({certificate.prompts:,} prompts)."
    )


def _rest(share: Interval) -> Interval:
    return Interval(1 - share.value, 1 - share.upper, 1 - share.lower, share.level)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
