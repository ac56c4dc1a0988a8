# Each target makes the environment that it needs. PYTHON chooses the interpreter.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PORT ?= 8000

.PHONY: demo clean-demo test lint bench docs dist clean

# An environment for each purpose is made once and made anew when setup.cfg changes.
$(VENV)/.%: setup.cfg pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

demo: $(VENV)/.demo
	$(BIN)/python manage.py migrate --no-input --verbosity 0
	PORT=$(PORT) $(BIN)/python manage.py seed_demo
	$(BIN)/python -m uvicorn demo_project.asgi:application --host 127.0.0.1 --port $(PORT) --ws websockets-sansio --lifespan off --no-access-log

# Removes the demo's data and nothing else; the next `make demo` starts from the sample data.
clean-demo:
	rm -rf demo_destinations demo.sqlite3 demo.sqlite3-*

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m django makemigrations --check --dry-run agent_master_storage

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx --fail-on-warning --builder html docs docs/_build

dist: $(VENV)/.dev
	rm -rf build dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*

clean: clean-demo
	rm -rf $(VENV) build dist docs/_build .tox *.egg-info
