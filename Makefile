# One line of intent each; `make run` and `make test` need nothing but Python 3.11 or newer.
PYTHON ?= python3

.PHONY: setup run continue test check bench shots
setup: ; @$(PYTHON) tools/setup.py
run: setup ; @.venv/bin/python app.py demo
continue: ; @.venv/bin/python app.py restore "$(STICK)" && .venv/bin/python app.py serve
test: check ; @.venv/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile
check: ; @$(PYTHON) tools/setup.py --test && .venv/bin/ruff check . && .venv/bin/mypy
bench: ; @$(PYTHON) tools/setup.py --test && .venv/bin/python -m bench --write
shots: ; @$(PYTHON) tools/setup.py --test && .venv/bin/python tools/shots.py && .venv/bin/python tools/drill.py
