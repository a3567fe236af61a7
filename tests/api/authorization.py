"""What test_optimized.py runs under python -O beside tests that are elsewhere; not collected otherwise (S-129)."""

from __future__ import annotations

import pytest

from tests.api.matrix import TABLE, Matrix, sign
from tests.api.test_policy_matrix import matrix

__all__ = ["matrix"]  # the fixture


def test_asserts_of_the_code_are_off_and_those_of_the_tests_are_on() -> None:
    assert not __debug__
    with pytest.raises(AssertionError):
        assert __debug__
    with pytest.raises(AssertionError, match="a defect"):
        sign(500)


def test_the_allowed_cells_are_those_of_the_reviewed_table(matrix: Matrix) -> None:
    """S-052, S-062. Here alone: it is seven thousand requests."""
    assert matrix.table().splitlines() == TABLE.read_text().splitlines(), "if that is meant: tools/regenerate.py"
