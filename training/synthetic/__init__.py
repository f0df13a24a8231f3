"""The synthetic world: invented prompts and calls whose truth is known, to check estimators against.

Everything it makes is labelled synthetic (`source` = "synthetic", ids that begin with "synthetic-"): no figure from
here says anything about a real model. In the order of the data: `spec` (parameters), `task_types` and `templates/`
(what is true of each task, and its texts), `prompt_generator` -> `prompt_sample` (prompts with their truth),
`response_model` (success, failure modes, tokens and latency per arm), `prices`, `logging_policies` (how history was
logged), `outcome_generator` (outcome records), `concept_drift`, and `world.World`, which ties them together. Benefit
is not monotone in difficulty: trivial and hopeless prompts gain nothing from reasoning.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
