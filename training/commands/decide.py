"""One prompt decided, with the arithmetic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from training.commands.options import Bundle
from training.commands.terminal import OUT


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
) -> None:
    """Decide one prompt and show the arithmetic.

    `thinkgate decide bundle --prompt "Plan the migration in five steps" --value 0.20`
    """
    from training.judging import decide as run
    from training.shown import decision_table

    text = sys.stdin.read() if prompt == "-" else prompt
    decision = run(bundle, text, arms, policy, value, deadline_ms, task)
    OUT.print(decision_table(decision))
