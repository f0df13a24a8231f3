"""Validation errors of a batch: the first of a row counts, and they come in the order of the rows."""

from __future__ import annotations

from training.records.row_errors import RowErrors


def test_the_first_error_of_a_row_counts() -> None:
    errors = RowErrors()
    errors.add(2, "no arm", "name the arm")
    errors.add(2, "empty prompt", "send a prompt")
    assert len(errors) == 1
    assert [(error.index, error.kind, error.reason) for error in errors] == [(2, "no arm", "name the arm")]


def test_errors_come_in_the_order_of_the_rows() -> None:
    errors = RowErrors()
    for index in (5, 0, 3):
        errors.add(index, "kind", "reason")
    assert [error.index for error in errors] == [0, 3, 5]
    assert 3 in errors
    assert 4 not in errors


def test_valid_rows_are_those_without_an_error() -> None:
    errors = RowErrors()
    assert errors.valid_rows(3).tolist() == [True, True, True]
    errors.add(1, "kind", "reason")
    assert errors.valid_rows(3).tolist() == [True, False, True]
    assert errors.valid_rows(2).dtype == bool
