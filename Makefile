# Every target sets perfkit up first (once). The commands behind each target stand in README.md for those without make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
JOBS ?= 2
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: setup setup-tests demo test test-slow test-gpu lint format docs wheel clean

setup:
	@$(PYTHON) scripts/setup.py

setup-tests:
	@$(PYTHON) scripts/setup.py --for-tests

demo: setup
	@$(BIN)/perfkit demo

test: setup-tests
	@$(BIN)/python -m pytest -n $(JOBS) -m "not slow and not gpu"

test-slow: setup-tests
	@$(BIN)/python -m pytest -m slow --timeout 1800

test-gpu: setup
	@$(BIN)/python -m pytest -m gpu

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: setup
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

docs: setup
	@$(BIN)/python scripts/write_docs.py

wheel: setup
	@$(BIN)/python scripts/build_wheel.py

clean:
	rm -rf build dist out .pytest_cache .ruff_cache .mypy_cache *.egg-info
