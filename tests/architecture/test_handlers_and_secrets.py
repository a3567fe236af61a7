"""Mistakes that are trivial to make and catastrophic to have: errors that nobody handles, secrets compared letter by
letter (S-126, S-133), checks that python -O leaves out (S-129)."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.test_sizes_and_names import CODE, name

SECRETS = re.compile(r"(^|_)(secret|password|passcode|hmac|signature)$")
BY_THE_DATABASE = "iaas/db/"  # an index compares there
FILE_FORMATS = "iaas/inspection/"  # a "signature" there is a magic number


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for file in CODE:
        for node in ast.walk(ast.parse(file.read_text())):
            yield name(file), node


def word(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_no_error_is_caught_to_do_nothing() -> None:
    """S-133. What may be ignored says so with suppress(...), naming the error."""
    empty = [
        f"{where}:{node.lineno}"
        for where, node in nodes()
        if isinstance(node, ast.ExceptHandler) and all(isinstance(item, ast.Pass) for item in node.body)
    ]
    assert empty == []


def test_nothing_that_catches_everything_is_ignored() -> None:
    broad = [
        f"{where}:{node.lineno}"
        for where, node in nodes()
        if isinstance(node, ast.Call)
        and word(node) == "suppress"
        and {"Exception", "BaseException"} & set(map(word, node.args))
    ]
    assert broad == []


def test_secrets_are_compared_in_constant_time() -> None:
    """S-126: with hmac.compare_digest."""
    wrong = []
    for where, node in nodes():
        if not isinstance(node, ast.Compare) or where.startswith((BY_THE_DATABASE, FILE_FORMATS)):
            continue
        sides = [node.left, *node.comparators]
        equality = any(isinstance(item, ast.Eq | ast.NotEq) for item in node.ops)
        if equality and any(SECRETS.search(word(side)) for side in sides):
            wrong.append(f"{where}:{node.lineno}: {ast.unparse(node)}")
    assert wrong == []


def test_no_work_is_left_for_later_in_a_comment() -> None:
    """S-133"""
    later = re.compile(r"#.*\b(TODO|FIXME|XXX)\b")
    assert [name(file) for file in CODE if later.search(file.read_text())] == []


def test_an_assert_tells_the_type_checker_something_and_checks_nothing() -> None:
    """S-129: python -O leaves it out. What decides is an ``if`` with an error of its own."""
    wrong = []
    for where, node in nodes():
        if isinstance(node, ast.Assert):
            parts = node.test.values if isinstance(node.test, ast.BoolOp) else [node.test]
            if not all(_narrows(part) for part in parts):
                wrong.append(f"{where}:{node.lineno}: {ast.unparse(node)}")
    assert wrong == []


def _narrows(test: ast.expr) -> bool:
    """``x is not None``, or ``isinstance(x, …)``."""
    if isinstance(test, ast.Compare):
        return isinstance(test.ops[0], ast.IsNot) and ast.unparse(test.comparators[0]) == "None"
    return isinstance(test, ast.Call) and word(test) == "isinstance"
