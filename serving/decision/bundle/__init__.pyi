from .golden import TOLERANCE, GoldenVector, golden_to_json
from .loader import PACKED, Bundle, OutputColumns, load_bundle, open_session
from .manifest import (
    FILES,
    GOLDEN,
    MANIFEST,
    MODEL,
    TOKENIZER,
    ConsumptionSource,
    DataFingerprint,
    EncoderSpec,
    Manifest,
    Metadata,
    Source,
)

__all__ = [
    "FILES",
    "GOLDEN",
    "MANIFEST",
    "MODEL",
    "PACKED",
    "TOKENIZER",
    "TOLERANCE",
    "Bundle",
    "ConsumptionSource",
    "DataFingerprint",
    "EncoderSpec",
    "GoldenVector",
    "Manifest",
    "Metadata",
    "OutputColumns",
    "Source",
    "golden_to_json",
    "load_bundle",
    "open_session",
]
