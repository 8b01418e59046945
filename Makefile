# README's two commands are `make demo` and `make test`; the rest serves those who build likewise.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export LIKEWISE_DATA ?= $(abspath ../shared/data)

.PHONY: demo tour test check format bench sanitize dist clean

demo: $(VENV)/base.done
	@$(BIN)/python -m likewise.cli.demo

tour: $(VENV)/dev.done
	$(BIN)/likewise tour --out tour.html

test: $(VENV)/dev.done
	$(BIN)/python -m pytest

check: $(VENV)/dev.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 -m "not slow"

format: $(VENV)/dev.done
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev.done
	$(BIN)/python benchmarks/words.py
	$(BIN)/python benchmarks/neighbours.py
	$(BIN)/python benchmarks/views.py

sanitize: $(VENV)/dev.done
	bash tests/kernels/sanitize.sh $(BIN)/python

dist: $(VENV)/dev.done
	$(BIN)/python -m build --outdir dist .

clean:
	rm -rf build dist .venv .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

KERNELS := CMakeLists.txt $(wildcard src/likewise/kernels/*.cpp src/likewise/kernels/*.hpp)

$(VENV)/base.done: pyproject.toml constraints.txt $(KERNELS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/dev.done: $(VENV)/base.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
