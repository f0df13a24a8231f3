"""`thinkgate collect`: calls every arm for every prompt, grades the answers, and writes outcome records."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from serving.decision import BadInput
from training.cli.console import ERR, OUT
from training.progress import bars


def collect(
    prompts: Annotated[Path, typer.Argument(help="`prompt` or `messages`; optional: answer, grader, check, task.")],
    url: Annotated[str, typer.Option(help="OpenAI-compatible endpoint, e.g. https://api.openai.com/v1.")],
    arms: Annotated[Path, typer.Option(help="arms.toml: every prompt is sent to every arm.")],
    out: Annotated[Path, typer.Option(help="Outcome records to write: .jsonl, .csv or .parquet.")],
    runs: Annotated[int, typer.Option(min=1, help="Calls of each prompt with each arm.")] = 1,
    grader: Annotated[
        str | None,
        typer.Option(
            help="exact, numeric, regex, json_schema, unit_test, reasoning_gym or judge; rows may name theirs."
        ),
    ] = None,
    judge_model: Annotated[str | None, typer.Option(help="Model that judges, at the same endpoint.")] = None,
    max_usd: Annotated[float | None, typer.Option(min=0.0, help="Budget cap; what goes over it is not called.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before money is spent.")] = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Show the estimate and stop.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Calls at a time.")] = 8,
    per_second: Annotated[float, typer.Option(min=0.01, help="Most calls begun in a second.")] = 20.0,
    attempts: Annotated[int, typer.Option(min=1, help="Of one call, with backoff between them.")] = 6,
    seconds: Annotated[float, typer.Option(min=0.1, help="Time of one attempt.")] = 600.0,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Cap on the output of a call.")] = None,
    key_env: Annotated[str, typer.Option(help="Environment variable that holds the key.")] = "OPENAI_API_KEY",
    log: Annotated[
        Path | None, typer.Option(help="Log of finished calls, with the answers. Default: OUT.calls.jsonl.")
    ] = None,
) -> None:
    """Run prompts through every arm and grade the answers.

    Killed or stopped, the same command goes on where it was: finished calls are in the log, and are not paid twice.

    `thinkgate collect prompts.jsonl --url http://localhost:8000/v1 --arms data/arms.toml --out new.jsonl --max-usd 5`
    """
    from serving.decision import Arm
    from serving.decision.policy import load_arms
    from training.collector import CallSettings, Job, effort_sent, read_prompts
    from training.collector import collect as run
    from training.collector import estimate_cost as look
    from training.collector.graders import isolation

    known = load_arms(arms)
    job = Job(
        prompts=read_prompts(prompts, grader),
        arms=known,
        settings=CallSettings(url, per_second, attempts, seconds, max_tokens),
        log=log or out.with_name(f"{out.name}.calls.jsonl"),
        out=out,
        quarantine=out.with_name(f"{out.name}.quarantine.jsonl"),
        runs=runs,
        judge=Arm("judge", judge_model) if judge_model else None,
        key=os.environ.get(key_env),
        concurrency=concurrency,
        max_usd=max_usd,
    )
    for arm in known:
        if (sent := effort_sent(arm)) != arm.effort:
            effort = f"is sent {sent}" if sent else "has no reasoning switch here, so no effort is sent"
            ERR.print(f"arm {arm.name}: effort {arm.effort}, but {arm.model} {effort}", highlight=False, markup=False)
    if any(prompt.check and prompt.check.grader == "unit_test" for prompt in job.prompts.prompts) and not isolation():
        ERR.print("unit_test: this kernel gives no namespaces, so answers run with your files and network at hand")
    found = look(job)
    cap = "" if max_usd is None else f", cap {max_usd:.2f} USD"
    OUT.print(
        f"{len(job.prompts.prompts)} prompts x {len(known)} arms x {runs} runs: {found.calls} calls to make, about"
        f" {found.usd:.4f} USD; spent so far {found.spent_usd:.4f} USD{cap}",
        highlight=False,
        soft_wrap=True,
    )
    if estimate:
        return
    if found.usd > 0 and not yes and max_usd is None:
        if not sys.stdin.isatty():
            raise BadInput("nobody is there to agree to the cost: add --max-usd or --yes")
        typer.confirm("Go on?", abort=True)
    with bars(ERR) as progress:
        made = run(job, progress)
    OUT.print(f"{made.written} outcome records: {out}; spent {made.spent_usd:.4f} USD", highlight=False, markup=False)
    for what, counts in (("failed", made.failed), ("without a verdict", made.ungraded)):
        for reason, rows in counts.items():
            OUT.print(f"  {what}: {rows} x {reason}", highlight=False, markup=False, soft_wrap=True)
    if made.remaining:
        OUT.print(f"  not called: {made.remaining}, the budget is spent; raise --max-usd and run again to go on")
    if job.prompts.refused:
        OUT.print(f"  rows that are no prompts: {len(job.prompts.refused)}, in {job.quarantine}", highlight=False)
