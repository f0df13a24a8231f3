"""Tree ensemble: packs the trees of all heads into one forest with LightGBM's own thresholds and leaves, in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import lightgbm as lgb
import numpy as np

from training.errors import TrainingError
from training.models import TreeHead
from training.types import Array


class UnsupportedTrees(TrainingError):
    """A booster uses something that the graph does not have; the message names it."""


@dataclass(frozen=True, slots=True)
class Forest:
    """The trees of S heads: inner nodes and leaves apart, as ONNX's TreeEnsemble wants them.

    A row goes to `yes` where x[feature] <= threshold, else to `no`; `yes_leaf`, `no_leaf` tell whether that is the
    number of a leaf or of a node. What a head adds to its trees is a tree of its own.

    Parameters
    ----------
    roots
        First node of each tree.
    features, thresholds, yes, yes_leaf, no, no_leaf
        One entry per node.
    leaf_heads, leaf_values
        One entry per leaf; the values hold the heads' weights already.
    """

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    yes: list[int] = field(default_factory=list)
    yes_leaf: list[int] = field(default_factory=list)
    no: list[int] = field(default_factory=list)
    no_leaf: list[int] = field(default_factory=list)
    leaf_heads: list[int] = field(default_factory=list)
    leaf_values: list[float] = field(default_factory=list)

    def score(self, rows: Array, heads: int) -> Array:
        """Walk the trees in plain Python: slow, and the specification of what the graph computes.

        Parameters
        ----------
        rows
            (n, P).
        heads
            S.

        Returns
        -------
        float64 (n, S).
        """
        scores: Array = np.zeros((len(rows), heads))
        for row, sums in zip(rows, scores, strict=True):
            for root in self.roots:
                node, leaf = root, 0
                while not leaf:
                    below = float(row[self.features[node]]) <= self.thresholds[node]
                    leaf = self.yes_leaf[node] if below else self.no_leaf[node]
                    node = self.yes[node] if below else self.no[node]
                sums[self.leaf_heads[node]] += self.leaf_values[node]
        return scores


def pack_trees(heads: Sequence[TreeHead]) -> Forest:
    """Pack the trees of all heads.

    Raises
    ------
    UnsupportedTrees
        For categorical or linear trees, random forests, several classes in one booster, or zeros read as missing.
    """
    forest = Forest()
    for number, head in enumerate(heads):
        offset = head.offset
        for booster, weight, tail in head.parts:
            for root in _roots(booster, tail):
                if "leaf_value" in root:
                    offset += weight * _float(root["leaf_value"])
                else:
                    forest.roots.append(_add_node(forest, root, number, weight))
        _add_offset(forest, number, offset)
    return forest


def _roots(booster: lgb.Booster, tail: Sequence[float]) -> list[Mapping[str, object]]:
    dump = booster.dump_model()
    if dump["num_tree_per_iteration"] != 1:
        raise UnsupportedTrees("a booster has several classes: train one head per class")
    if dump["average_output"]:
        raise UnsupportedTrees("a booster is a random forest: train with boosting=gbdt or dart")
    first = booster.num_feature() - len(tail)
    return [_without_tail(tree["tree_structure"], first, tail) for tree in dump["tree_info"]]


def _without_tail(node: Mapping[str, object], first: int, tail: Sequence[float]) -> Mapping[str, object]:
    """Decide every split on a constant column (`first` and beyond): what is left reads the design row alone."""
    if not tail or "leaf_value" in node:
        return node
    yes, no = node["left_child"], node["right_child"]
    assert isinstance(yes, dict)
    assert isinstance(no, dict)
    column = _int(node["split_feature"])
    if column >= first:
        below = tail[column - first] <= _float(node["threshold"])
        return _without_tail(yes if below else no, first, tail)
    children = {"left_child": _without_tail(yes, first, tail), "right_child": _without_tail(no, first, tail)}
    return {**node, **children}


def _add_node(forest: Forest, node: Mapping[str, object], head: int, weight: float) -> int:
    """Add an inner node and all below it; gives its number."""
    if node["decision_type"] != "<=":
        raise UnsupportedTrees("a booster splits on categories: encode them as numbers")
    if node["missing_type"] == "Zero":
        raise UnsupportedTrees("a booster reads zeros as missing: train with zero_as_missing=false")
    number = len(forest.features)
    forest.features.append(_int(node["split_feature"]))
    forest.thresholds.append(_float(node["threshold"]))
    for column in (forest.yes, forest.yes_leaf, forest.no, forest.no_leaf):
        column.append(0)
    for side, target, is_leaf in (
        ("left_child", forest.yes, forest.yes_leaf),
        ("right_child", forest.no, forest.no_leaf),
    ):
        child = node[side]
        assert isinstance(child, dict)
        is_leaf[number] = int("leaf_value" in child)
        target[number] = (_add_leaf if is_leaf[number] else _add_node)(forest, child, head, weight)
    return number


def _add_offset(forest: Forest, head: int, offset: float) -> None:
    """Add a tree that gives the same on both sides: cheaper than another node of the graph."""
    leaf = len(forest.leaf_values)
    forest.leaf_heads.append(head)
    forest.leaf_values.append(offset)
    forest.roots.append(len(forest.features))
    forest.features.append(0)
    forest.thresholds.append(0.0)
    for column, value in ((forest.yes, leaf), (forest.no, leaf), (forest.yes_leaf, 1), (forest.no_leaf, 1)):
        column.append(value)


def _add_leaf(forest: Forest, leaf: Mapping[str, object], head: int, weight: float) -> int:
    if leaf.get("leaf_coeff"):
        raise UnsupportedTrees("a booster has linear leaves: train with linear_tree=false")
    forest.leaf_heads.append(head)
    forest.leaf_values.append(weight * _float(leaf["leaf_value"]))
    return len(forest.leaf_values) - 1


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _float(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
