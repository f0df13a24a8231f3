"""Charts of routing: curves beside the comparison routers, their cost, and the learning curve."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.evaluation import Curve, Evaluation, RouterResult
from training.report.chart_specs import Chart, Role, Series
from training.types import Array


def routing_charts(evaluation: Evaluation) -> Iterator[Chart]:
    """Charts of the comparison for which the evaluation has data."""
    yield _cost_quality(evaluation)
    yield _over_random(evaluation)
    if evaluation.priced:
        yield _money(evaluation)
    if evaluation.ours.oracle_share is not None:
        yield _oracle_shares(evaluation)
    if evaluation.learning:
        yield _learning(evaluation)
    if evaluation.policies:
        yield _off_policy(evaluation)


def _cost_quality(e: Evaluation) -> Chart:
    rules = tuple(
        Series(r.name, "points", np.array([r.calls]), np.array([r.success.value]), role="note") for r in e.rules
    )
    return Chart(
        "cost_quality",
        "Success when only part of the requests reason",
        "Each curve sends the requests it ranks highest to reasoning first. Further up and to the left is better; the "
        "straight dashed line is routing at random. The shaded band is the 95 % interval of ours.",
        "share of requests that reason",
        "success",
        _with_ceiling(e) + rules,
        percent_x=True,
        percent_y=True,
    )


def _over_random(e: Evaluation) -> Chart:
    def above(r: RouterResult) -> Series:
        role = _role(e, r)
        low, high = (r.curve.over_lower, r.curve.over_upper) if role == "ours" else (None, None)
        return Series(r.name, "line", r.curve.share, r.curve.over_random, low, high, role)

    return Chart(
        "over_random",
        "Success gained over random routing at the same rate",
        "The same curves with the random line taken off, so that small differences show. The area under a curve, as a "
        "share of the oracle's, is the figure by which routers are compared.",
        "share of requests that reason",
        "success above random",
        tuple(above(r) for r in e.routers),
        percent_x=True,
        percent_y=True,
    )


def _money(e: Evaluation) -> Chart:
    lines = [
        _of_curve(r.name, r.curve, r.curve.cost_usd, _role(e, r)) for r in e.routers if r.curve.cost_usd is not None
    ]
    return Chart(
        "cost_usd",
        "Success against what a request costs",
        "Costs from the tokens of each call and the arms' prices. Further up and to the left is better."
        + ("" if e.oracle else " Calls that the log did not make are priced from forecast tokens."),
        "mean cost of a request, USD",
        "success",
        tuple(lines),
        percent_y=True,
        usd_x=True,
    )


def _oracle_shares(e: Evaluation) -> Chart:
    placed = [(r, r.oracle_share) for r in e.routers if r.oracle_share is not None]
    placed.sort(key=lambda pair: pair[1].value)
    ranked, shares = [r for r, _ in placed], [share for _, share in placed]
    groups: list[Series] = []
    for role, name in (("ours", "ours"), ("baseline", "comparison")):
        at = [i for i, r in enumerate(ranked) if (r is e.ours) == (role == "ours")]
        figures = [shares[i] for i in at]
        low, high = np.array([f.lower for f in figures]), np.array([f.upper for f in figures])
        values, place = np.array([f.value for f in figures]), np.array(at, dtype=np.float64)
        groups.append(Series(name, "bars", place, values, low, high, "ours" if role == "ours" else "baseline"))
    return Chart(
        "standing",
        "Share of the oracle's area over random",
        "0 is random routing, 1 knows every outcome in advance. Outcomes are partly luck, so no router reaches 1.",
        "",
        "share of the oracle's area",
        tuple(groups),
        categories=tuple(r.name for r in ranked),
        sideways=True,
    )


def _learning(e: Evaluation) -> Chart:
    size = np.array([p.prompts for p in e.learning], dtype=np.float64)
    share, low, high = (
        np.array([getattr(p.oracle_share, end) for p in e.learning]) for end in ("value", "lower", "upper")
    )
    return Chart(
        "learning",
        "How much history it takes",
        "Share of the oracle's area on the same held-out prompts, after training on increasing parts of the history.",
        "prompts in the history",
        "share of the oracle's area",
        (Series("ours", "line", size, share, low, high, "ours"),),
        log_x=True,
    )


def _off_policy(e: Evaluation) -> Chart:
    place = np.arange(len(e.policies), dtype=np.float64)
    groups = []
    for shift, (name, role) in enumerate((("IPS", "baseline"), ("SNIPS", "baseline"), ("DR", "ours"))):
        found = [(i, getattr(p, name.lower())) for i, p in enumerate(e.policies)]
        known = [(i, value) for i, value in found if value is not None]
        at = np.array([place[i] + (shift - 1) * 0.18 for i, _ in known])
        value, low, high = (np.array([getattr(v, end) for _, v in known]) for end in ("value", "lower", "upper"))
        if known:
            groups.append(Series(name, "points", at, value, low, high, "ours" if role == "ours" else "baseline"))
    logged = e.policies[0].logged
    return Chart(
        "off_policy",
        "What each policy would have earned on the log",
        "Success of each policy on this traffic, estimated from a log of another policy in three ways, "
        f"with 95 % intervals. As it was logged: {logged}. Decide by DR or SNIPS; wide intervals mean that the log "
        "seldom did what the policy would do.",
        "",
        "success",
        tuple(groups),
        categories=tuple(p.policy for p in e.policies),
        percent_y=True,
    )


def _role(e: Evaluation, r: RouterResult) -> Role:
    flat = max(abs(r.area.lower), abs(r.area.upper)) < 1e-9
    return "ours" if r is e.ours else "floor" if flat else "baseline"


def _of_curve(name: str, curve: Curve, x: Array, role: Role) -> Series:
    low, high = (curve.lower, curve.upper) if role == "ours" else (None, None)
    return Series(name, "line", x, curve.quality, low, high, role)


def _with_ceiling(e: Evaluation) -> tuple[Series, ...]:
    lines = [_of_curve(r.name, r.curve, r.curve.share, _role(e, r)) for r in e.routers]
    if e.oracle is not None:
        lines.append(_of_curve("oracle (knows the outcome)", e.oracle, e.oracle.share, "ceiling"))
    return tuple(lines)
