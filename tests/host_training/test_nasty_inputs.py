"""Goal: every group of nasty inputs has a test, and it can be found.

Method: the decorators are read from the source of the tests, so that the answer does not depend on
which of them are being run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host_training.nasty_inputs import GROUPS, nasty


def covered(source: str) -> Iterator[int]:
    """The groups named by ``@nasty(...)`` above the tests of a file."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef) or not function.name.startswith("test_"):
            continue
        for mark in function.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "nasty":
                yield from map(ast.literal_eval, mark.args)


def test_every_group_has_a_test() -> None:
    found = {group for path in Path(__file__).parent.rglob("test_*.py")
             for group in covered(path.read_text(encoding="utf-8"))}
    assert {group: what for group, what in GROUPS.items() if group not in found} == {}


def test_only_decorators_of_tests_count_and_only_known_groups() -> None:
    assert list(covered("@nasty(1, 2)\ndef test_x(): ...\n@nasty(3)\ndef helper(): ...\n"
                        "def test_y():\n    nasty(4)")) == [1, 2]
    for wrong in ((), (0,), (1, 33)):
        with pytest.raises(ValueError, match=r"a group is a number of 1\.\.32"):
            nasty(*wrong)


@nasty(4, 7)
def marked() -> None:
    """What ``-m "nasty(group=7)"`` sees."""


def test_the_marks_are_those_that_the_command_line_asks_for() -> None:
    assert {mark.kwargs["group"] for mark in marked.pytestmark} == {4, 7}
