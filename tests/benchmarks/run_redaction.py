"""Redaction: recall by kind in six languages, false positives on ordinary prompts, growth of time with length."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd

from serving.journal.redaction.masking import redact
from tests.support.redaction_corpus import HARMLESS, KINDS, SENTENCES


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompts", nargs="*", type=Path, help="Parquet files with ordinary prompts, column `prompt`")
    files: list[Path] = parser.parse_args().prompts
    missed = [kind for kind, value in KINDS.items() if any(value in redact(each.format(value)) for each in SENTENCES)]
    print(f"kinds masked in all of {len(SENTENCES)} languages: {len(KINDS) - len(missed)} of {len(KINDS)}")
    print(f"missed: {', '.join(missed)}")
    prompts = list(HARMLESS) + [text for file in files for text in pd.read_parquet(file)["prompt"].dropna().unique()]
    changed = sum(redact(text) != text for text in prompts)
    print(f"ordinary prompts changed: {changed} of {len(prompts)} ({100 * changed / len(prompts):.2f} %)")
    for piece in ("eyJ", "dot", "ab: ", "plain words of a prompt, 17 of them. "):
        text = (piece * 40_000)[:96_000]
        took = []
        for repeat in (1, 2, 4):
            start = time.process_time()
            redact(text * repeat)
            took.append(f"{1000 * (time.process_time() - start):.1f} ms")
        print(f"{piece!r}: {' / '.join(took)} for 96, 192, 384 kB")


if __name__ == "__main__":
    main()
