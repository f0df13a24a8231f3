"""Checks of the terms: whether every arm has a price, and whether the policy fits the arms."""

from __future__ import annotations

from serving.decision import BadInput, Unpriced
from serving.decision.policy import Policy, bind_policy, load_policy
from serving.decision.pricing import price_book
from training.doctor.checks import CheckResult, DoctorInput, Finding


def check_prices(target: DoctorInput) -> CheckResult:
    """Show where each arm's price comes from; an arm without one can't be served."""
    rows, findings = [], []
    for arm in target.arms:
        try:
            book = price_book([arm])
        except Unpriced as error:
            findings.append(Finding("refused", str(error)))
            rows.append((arm.name, arm.known_as, "none", "-", "-"))
            continue
        rates = book.cards[0].windows[0].tiers[-1]
        money = (f"{rates.input * 1e6:g}", f"{rates.output * 1e6:g}")
        if rates.gpu_second > 0.0:
            money = ("-", f"{rates.gpu_second:g} a second")
        rows.append((arm.name, arm.known_as, book.cards[0].source, *money))
    columns = ("arm", "model", "price from", "input USD/Mtok", "output USD/Mtok")
    return CheckResult("Prices", tuple(findings) or (Finding("ok", "every arm has a price"),), columns, tuple(rows))


def check_policy(target: DoctorInput) -> CheckResult:
    """Bind the policy to the arms."""
    name = "the built-in policy" if target.policy is None else target.policy.name
    try:
        policy = Policy() if target.policy is None else load_policy(target.policy, target.arms)
        bind_policy(target.arms, policy, price_book(target.arms))
    except Unpriced:
        return CheckResult("Policy", (Finding("note", f"{name}: not tried, an arm has no price"),))
    except BadInput as error:
        return CheckResult("Policy", tuple(Finding("refused", line) for line in str(error).splitlines()))
    return CheckResult("Policy", (Finding("ok", f"{name} fits the arms"),))
