"""Small frames of outcome records, paired and logged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from serving.decision.types import Arm

ARMS = (Arm("direct", "m"), Arm("reasoning", "m", "high"))


def frame_of(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame([{"prompt": f"Prompt {row['prompt_id']}", **row} for row in rows])


def paired(n: int, **more: object) -> pd.DataFrame:
    """n prompts, both arms called once; reasoning succeeds on every second prompt."""
    return frame_of(
        [
            {"prompt_id": f"p{i:03d}", "arm": arm.name, "success": float(k and i % 2), "task": f"t{i % 5}", **more}
            for i in range(n)
            for k, arm in enumerate(ARMS)
        ]
    )


def logged(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    chosen = rng.random(n) < 0.3
    return frame_of(
        [
            {
                "prompt_id": f"p{i:03d}",
                "arm": ARMS[int(chosen[i])].name,
                "propensity": 0.3 if chosen[i] else 0.7,
                "success": float(i % 2),
                "timestamp": 1e9 + i,
            }
            for i in range(n)
        ]
    )
