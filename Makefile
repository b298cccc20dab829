# Every target sets up all it needs by itself: Python 3.11, 3.12 or 3.13 and make are enough.
# Windows has no make: see README.md for the two lines that do the same.

# A Python to use instead of the newest one found, for example: make test PYTHON=/opt/python/bin/python3.12
PYTHON ?=
# More words for the command that a target runs, for example: make test ARGS="-k parity"
ARGS ?=

BIN = .venv/bin
READY = .venv/ready

.PHONY: help setup lab demo test check bench campaign conformance pictures lock clean

help:
	@echo "make lab       open JupyterLab on the quickstart notebook"
	@echo "make demo      check, backtest and paper-trade a strategy, and compare the two trade by trade"
	@echo "make test      run all tests"
	@echo "make check     run ruff, mypy, the import rules, the doctests and the notebook rules"
	@echo "make bench     measure the figures and write benchmarks/RESULTS.md"
	@echo "make campaign  run the long tests: every recording, many seeds"
	@echo "make conformance  run the official suite of the Model Context Protocol; it comes from npm (Node 22 or newer)"
	@echo "make pictures  photograph the panel and the notebooks for the README and the notebooks' index (needs Chromium)"
	@echo "make setup     build the environment in .venv, which every target does when needed"
	@echo "make lock      resolve the newest allowed versions into requirements.lock"
	@echo "make clean     remove the environment and everything built"

setup: $(READY)

lab: $(READY)
	$(BIN)/cryptobot lab $(ARGS)

demo: $(READY)
	$(BIN)/cryptobot demo $(ARGS)

test: $(READY)
	$(BIN)/python -m pytest -n auto --maxprocesses=4 $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q --doctest-modules cryptobot mcp_server
	$(BIN)/nbstripout --verify --keep-id notebooks/*.ipynb
	$(BIN)/python -m pytest -q tests/contracts/test_notebook_files.py

bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)

campaign: $(READY)
	$(BIN)/python -m pytest tests -m campaign --timeout=0 $(ARGS)

conformance: $(READY)
	$(BIN)/python tests/server/conformance/run.py $(ARGS)

pictures: $(READY)
	$(BIN)/python -m tests.browser.pictures

# uv is used where it is installed; otherwise it comes into a corner of the environment.
lock: $(READY)
	@set -e; \
	if command -v uv >/dev/null 2>&1; then uv=uv; else \
	    $(BIN)/python -m venv .venv/lock-tools; \
	    .venv/lock-tools/bin/python -m pip install --quiet --disable-pip-version-check uv; \
	    uv=.venv/lock-tools/bin/uv; \
	fi; \
	$$uv pip compile pyproject.toml --quiet --all-extras --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements.lock $(ARGS)

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist artefacts
	find cryptobot mcp_server tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is as new as the lock and the project file. An environment of another Python, or a half-built one
# without pip, is built anew; a good one is brought up to date.
$(READY): requirements.lock pyproject.toml
	@set -e; \
	probe='import sys; print("%d.%d" % sys.version_info[:2])'; \
	python=; found=; venvless=; candidates="$(PYTHON)"; \
	for candidate in $${candidates:-python3.13 python3.12 python3.11 python3 python}; do \
	    version=`$$candidate -c "$$probe" 2>/dev/null` || continue; \
	    found="$$found $$candidate ($$version)"; \
	    case $$version in 3.11|3.12|3.13) ;; *) continue ;; esac; \
	    if $$candidate -c 'import ensurepip, venv' 2>/dev/null; then python=$$candidate; break; fi; \
	    venvless="$$candidate"; \
	done; \
	if [ -z "$$python" ] && [ -n "$$venvless" ]; then \
	    echo "make: $$venvless cannot build environments: its venv module is missing. On Debian and Ubuntu:" \
	        "apt-get install python3-venv." >&2; exit 2; \
	fi; \
	if [ -z "$$python" ]; then \
	    echo "make: cryptobot needs Python 3.11, 3.12 or 3.13. Found:$${found:- none}. Install one of them, or name it:" \
	        "make PYTHON=/path/to/python3.12" >&2; exit 2; \
	fi; \
	have=`$(BIN)/python -c "$$probe" 2>/dev/null || echo none`; \
	if [ "$$have" != "$$version" ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	    echo "Building .venv with $$python ($$version)"; \
	    $$python -m venv --clear .venv; \
	fi; \
	echo "Installing the locked packages: a minute or two the first time"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	touch $(READY)
