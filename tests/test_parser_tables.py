"""The shipped parser tables are those of the grammar, and are plain data."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from importlib import resources

import pytest

from dana2py import tables
from dana2py.expectations import _NAMES_OF_TOKENS, _TERMS
from dana2py.lexer import KEYWORDS, OPERATORS
from dana2py.tree_builder import TreeBuilder


def shipped() -> str:
    """The text of the tables in the package."""
    return resources.files("dana2py").joinpath(tables.TABLES).read_text("utf-8")


def test_tables_are_those_of_the_grammar() -> None:
    """Making the tables again gives the same bytes; if not: ``python -m dana2py.tables``."""
    assert tables.generate() == shipped()


@pytest.mark.parametrize("seed", ["0", "1"])
def test_tables_do_not_depend_on_hashes(seed: str) -> None:
    """Another order of sets, as another process has it, gives the same bytes."""
    command = [sys.executable, "-c", "import sys; from dana2py import tables; sys.stdout.write(tables.generate())"]
    made = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True)
    assert made.stdout.decode() == shipped()


def test_the_grammar_has_no_conflicts(caplog: pytest.LogCaptureFixture) -> None:
    """lark resolves shift/reduce conflicts silently, by a choice that nobody made; there are none."""
    from lark import logger

    logger.setLevel(logging.DEBUG)
    logger.addHandler(caplog.handler)
    try:
        grammar = resources.files("dana2py").joinpath(tables.GRAMMAR).read_text("utf-8")
        tables.analyse(grammar, debug=True)
    finally:
        logger.removeHandler(caplog.handler)
        logger.setLevel(logging.CRITICAL)
    assert [record.message for record in caplog.records if "onflict" in record.getMessage()] == []
    assert caplog.records  # lark did log: it names the unused terminal


def test_every_rule_has_a_builder_and_every_builder_a_rule() -> None:
    """No alternative of the grammar is without its method."""
    methods = {rule.method for rule in tables.load().rules if rule.method}
    assert [method for method in methods if not callable(getattr(TreeBuilder, method, None))] == []


def test_every_token_of_the_lexer_is_a_terminal() -> None:
    """The lexer's names of terminals, and those of the messages, exist in the grammar."""
    known = {kind for row in tables.load().actions for kind in row}
    made = set(KEYWORDS.values()) | set(OPERATORS.values())
    assert made - known == {"YIELD"}  # reserved, without any syntax
    assert (set(_TERMS) | set(_NAMES_OF_TOKENS)) - known == set()


def test_parsing_does_not_load_lark() -> None:
    """The tables are enough: a compilation does not pay for reading the grammar."""
    code = (
        "import sys, dana2py.parser as p; from dana2py.source import Source\n"
        "p.parse(Source('x = 1')); print(sorted(name for name in ('lark', 'pickle', 'difflib') if name in sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True, text=True)
    assert shown.stdout.strip() == "[]"


def test_tables_are_json() -> None:
    """The file is data: loading it runs nothing."""
    assert set(json.loads(shipped())) == {"terminals", "origins", "rules", "rows", "actions", "gotos", "start", "end"}
