"""Graph builder: collects the nodes and constants of one ONNX graph under unique names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike
from onnx import TensorProto, helper, numpy_helper

TREES_DOMAIN = "ai.onnx.ml"
DOUBLE: int = TensorProto.DOUBLE
FLOAT: int = TensorProto.FLOAT


class GraphBuilder:
    """A graph under construction: every call adds one node or constant and gives its output's name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: ArrayLike, dtype: DTypeLike = np.float64) -> str:
        """Add a constant."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name))
        return name

    def whole(self, *value: int) -> str:
        """Add an int64 vector."""
        return self.constant(value, np.int64)

    def add(self, operator: str, *inputs: str, output: str = "", domain: str = "", **attributes: object) -> str:
        """Add a node with one output."""
        output = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], output, domain=domain, **attributes))
        return output

    def split(self, value: str, widths: Sequence[int], outputs: Sequence[str] = ()) -> list[str]:
        """Cut columns apart; a width of 0 gives a name that must not be used."""
        names = list(outputs) or [f"split_{len(self.nodes)}_{k}" for k in range(len(widths))]
        kept = [(name, width) for name, width in zip(names, widths, strict=True) if width]
        sizes = self.whole(*(width for _, width in kept))
        self.nodes.append(helper.make_node("Split", [value, sizes], [name for name, _ in kept], kept[0][0], axis=1))
        return names
