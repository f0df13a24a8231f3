"""`thinkgate decide`: decides one prompt and shows the arithmetic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import OUT
from training.cli.options import Bundle


def decide(
    bundle: Bundle,
    prompt: Annotated[str, typer.Option(help="The user's prompt; `-` reads it from standard input.")],
    arms: Annotated[Path | None, typer.Option(help="arms.toml with newer prices.")] = None,
    policy: Annotated[Path | None, typer.Option(help="policy.toml; the built-in default without it.")] = None,
    value: Annotated[
        float | None, typer.Option(min=0.0, help="USD that a success is worth. Default: the policy's.")
    ] = None,
    deadline_ms: Annotated[
        float | None, typer.Option(min=1.0, help="How long the caller can wait, in milliseconds.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="Task type, where it is known.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the utility sum, the contributing features and the nearest cases.")
    ] = False,
    beside: Annotated[
        Path | None, typer.Option(help="What training wrote beside the bundle. Default: BUNDLE-explain.")
    ] = None,
) -> None:
    """Decide one prompt and show the arithmetic.

    `thinkgate decide bundle --prompt "Plan the migration in five steps" --value 0.20`
    """
    from training.explain import explanation_tables
    from training.inference import Question
    from training.inference import decide as run
    from training.inference import explain as run_explained
    from training.report import decision_table

    question = Question(sys.stdin.read() if prompt == "-" else prompt, arms, policy, value, deadline_ms, task)
    if not explain:
        OUT.print(decision_table(run(bundle, question)))
        return
    explained = run_explained(bundle, question, beside)
    OUT.print(decision_table(explained.decision))
    for table in explanation_tables(explained):
        OUT.print(table)
    if explained.missing:
        OUT.print(f"no features and cases: {explained.missing}", highlight=False, markup=False)
