"""Rewrites a LiteLLM proxy's request to a decision, by the one set of rules, in LiteLLM's own words.

The rules judge the view of every deployment of the decided group. LiteLLM picks the deployment later, so what is set
must be right for all of them: where they would need different words, nothing is set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.client_intent import body_in_tool_loop, client_effort
from serving.decision.providers.endpoints import Api
from serving.decision.providers.json_patch import Body, diff_patch, merge_patch
from serving.decision.providers.litellm_proxy.litellm_words import say_effort, without_effort
from serving.decision.providers.litellm_proxy.provider_view import limit_key, provider_api, provider_view, view_limit
from serving.decision.providers.litellm_proxy.proxy_call import Deployment, ProxyCall
from serving.decision.providers.request_body import ParsedBody
from serving.decision.providers.rewrite import Rewrite, apply_decision
from serving.decision.providers.targets import same_model
from serving.decision.types import Arm, Decision

_MAY_MOVE = ("", "no_switch", "unknown_model")
"""Outcomes of a rewrite that changed nothing and may have moved the call all the same, to a group of the same model."""
_SAMPLING = frozenset(
    {
        "temperature",
        "top_p",
        "top_k",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
    }
)


@dataclass(frozen=True, slots=True)
class _Rules:
    """How far the rules may go; as in `apply_decision`."""

    continue_loop: bool
    drop_sampling: bool
    arm: Arm | None

    def arm_at(self, deployment: Deployment) -> Arm | None:
        """Give the arm, known by the deployment's name too where it states what its model takes."""
        arm = self.arm
        if arm is None or (arm.reasoning is None and not arm.speaks and arm.known_as == arm.model):
            return arm
        return replace(arm, aliases=(*arm.aliases, deployment.model))


def rewrite_proxy_call(
    call: ProxyCall,
    parsed: ParsedBody,
    decision: Decision,
    *,
    continue_loop: bool = False,
    drop_sampling: bool = False,
    arm: Arm | None = None,
) -> Rewrite:
    """Apply a decision to a proxy's request.

    Parameters
    ----------
    call, parsed
        As `parse_proxy_call` and `parse_body` parsed them.
    decision
        The decision on `parsed.request`; its model is a group, or the model behind one.
    continue_loop, drop_sampling, arm
        As in `apply_decision`.

    Returns
    -------
    Rewrite
        `model` is the decided one where its group answers, whatever that is called, else the client's group.
    """
    group = _find_group(call, decision.model, arm)
    if group is None:
        return _unchanged(call, call.group, "no model group of this proxy serves the decided model", "not_deployed")
    rules = _Rules(continue_loop, drop_sampling, arm)
    deployments = call.deployments if group == call.group else call.groups[group]
    found = [_rewrite_for(call, parsed, decision, group, one, rules) for one in deployments]
    if any(one.merge != found[0].merge for one in found):
        stays = decision.model if group == call.group else call.group
        return _unchanged(call, stays, "the deployments of this group take different parameters", "mixed_group")
    return found[0]


def _find_group(call: ProxyCall, model: str, arm: Arm | None) -> str | None:
    """Find the group that serves a model: the client's own, one of the model's names, else one that serves only it."""
    names = (model,) if arm is None else (model, *arm.aliases)
    if call.group in names or _serves(call.deployments, model):
        return call.group
    named = [name for name in names if call.groups.get(name)]
    serving = (name for name, deployments in sorted(call.groups.items()) if _serves(deployments, model))
    return next(iter((*named, *serving)), None)


def _serves(deployments: Sequence[Deployment], model: str) -> bool:
    return bool(deployments) and all(same_model(one.model, model) for one in deployments)


def _rewrite_for(
    call: ProxyCall, parsed: ParsedBody, decision: Decision, group: str, deployment: Deployment, rules: _Rules
) -> Rewrite:
    moved = group != call.group
    stays = call.group if moved else decision.model
    view_api = provider_api(call.request, call.api, deployment)
    current = call.deployments[0].model if moved else deployment.model
    view = provider_view(call.request, call.api, view_api, current, deployment)
    result = apply_decision(
        view,
        replace(
            parsed,
            api=view_api,
            model=current,
            host=deployment.host,
            tool_loop=body_in_tool_loop(view, view_api),
        ),
        replace(decision, model=deployment.model),
        continue_loop=rules.continue_loop,
        drop_sampling=rules.drop_sampling,
        arm=rules.arm_at(deployment),
    )
    if not result.changed and not (moved and result.not_applied in _MAY_MOVE):
        return replace(result, body=call.request, merge={}, patch=(), model=stays)
    new = _carry_over(call, view_api, view, result, deployment, moved)
    if new is None:
        return _unchanged(call, stays, "LiteLLM has no words for this effort at this model", "no_words")
    if moved:
        new["model"] = group
    merge = merge_patch(call.request, new)
    return replace(result, body=new, merge=merge, patch=diff_patch(call.request, new), model=decision.model)


def _carry_over(
    call: ProxyCall, view_api: Api, view: Body, result: Rewrite, deployment: Deployment, moved: bool
) -> Body | None:
    """Build the request that says what the rules changed in the view; None where LiteLLM has no words for it."""
    if call.api == view_api != "chat":
        return {**result.body, "model": call.request["model"]}
    effort = result.effort
    new = without_effort(call.request) if moved or effort is not None else dict(call.request)
    key, limit = limit_key(call.request, call.api), view_limit(result.body, view_api)
    if key is not None and limit is not None:
        new[key] = limit
    for name in _SAMPLING & (view.keys() - result.body.keys()):
        new.pop(name, None)
    if effort is None:
        return new
    bare = without_effort(view)
    changed = {name: value for name, value in result.body.items() if name not in bare or bare[name] != value}
    return new if say_effort(new, call.api, view_api, changed, deployment, effort) else None


def _unchanged(call: ProxyCall, model: str, note: str, not_applied: str) -> Rewrite:
    stated = client_effort(call.request, call.api)
    first = call.deployments[0]
    default = find_capability(first.model, first.host).default
    asked = stated or ("high" if default == "on" else default)
    return Rewrite(call.request, {}, (), model, stated, note, not_applied, asked)
