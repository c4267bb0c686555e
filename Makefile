# `make demo` shows the project at work, `make test` checks all of it; both set up what they need.
# Only a Python 3.11, 3.12 or 3.13 with pip has to be there.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.PHONY: help setup demo test lint pytest others bench clean

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The Python of .venv: `make PYTHON=/path/to/python3.12 test` chooses another one.
PYTHON ?= $(shell .ci/pythons | head -n 1 | cut -d' ' -f2-)
PY := .venv/bin/python

help:
	@echo "make demo    set up, then run Dana from Python and from the command line"
	@echo "make test    set up, then ruff, mypy and pytest, and pytest on each other Python found"
	@echo "make bench   set up, then the table of ratios Dana / Python (some minutes)"
	@echo "make clean   remove the virtual environments and what the tools left behind"

setup:
	@test -n "$(PYTHON)" || { echo "no Python 3.11, 3.12 or 3.13 with venv was found" >&2; exit 1; }
	.ci/setup .venv "$(PYTHON)"

demo: setup
	@bash examples/demo.sh $(PY)

test: setup lint pytest others

lint: setup
	@$(PY) -m ruff check .
	$(PY) -m mypy

pytest: setup
	@echo "== $$($(PY) --version)"
	$(PY) -m pytest -q -n 2 </dev/null

# The other Pythons run the same suite; the linters have said what they have to say.
others: setup pytest
	@mine=$$($(PY) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
	.ci/pythons | while read -r version python; do
	    if [ "$$version" != "$$mine" ]; then
	        .ci/setup ".venv-$$version" "$$python" </dev/null
	        echo "== Python $$version"
	        ".venv-$$version/bin/python" -m pytest -q -n 2 </dev/null
	    fi
	done

bench: setup
	@$(PY) -m tests.benchmarks
	UPDATE_README=1 $(PY) -m pytest -q tests/test_examples.py -k readme </dev/null

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
