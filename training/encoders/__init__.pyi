from .design_matrix import CACHE, Encoder, design_rows
from .quantization import quantize
from .static import StaticEncoder, build_static
from .transformer import TransformerEncoder, build_transformer

__all__ = [
    "CACHE",
    "Encoder",
    "StaticEncoder",
    "TransformerEncoder",
    "build_static",
    "build_transformer",
    "design_rows",
    "quantize",
]
