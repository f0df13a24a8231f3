from .complexity import FEATURE_NAMES, extract
from .languages import identify_language
from .model_inputs import EncoderLimits, encode_batch
from .tokenizer import Tokenizer

__all__ = [
    "FEATURE_NAMES",
    "EncoderLimits",
    "Tokenizer",
    "encode_batch",
    "extract",
    "identify_language",
]
