# `make run` starts the app, `make test` runs every check. Both set up .venv on a fresh machine.
PYTHON ?=
PORT ?= 8501
BIN := .venv/bin

.PHONY: run test install check bench relock browser

run: install
	$(BIN)/streamlit run app.py --server.port $(PORT)

install:
	@PYTHON="$(PYTHON)" bash scripts/setup.sh

browser:
	@bash scripts/browser.sh

check: install
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check browser
	$(BIN)/pytest

bench: install
	$(BIN)/python -m benchmarks

relock: install
	bash scripts/relock.sh
