# Every target makes the virtual environment first if it is not there yet.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

# Open a browser only where there is a screen; otherwise JupyterLab prints the address.
SCREEN := $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname -s)))
LAB_OPTIONS = --ip=127.0.0.1 --allow-root --log-level=WARN $(if $(SCREEN),,--no-browser) \
    --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(UPLOADS)
# Tornado drops messages above 10 MB without a word; a photograph of 24 megapixels is larger.
UPLOADS := --ServerApp.tornado_settings="{'websocket_max_message_size': 67108864}"

.PHONY: setup lab demo test fuzz browser-test lint notebooks work clean assignments release instructor-check

setup: $(READY)

$(READY): pyproject.toml notebooks/jupyterlab_settings.json
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	@echo 'Making .venv and installing PyTorch and JupyterLab: several GB, a few minutes the first time.'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev,grading]'
	mkdir -p $(VENV)/share/jupyter/lab/settings
	cp notebooks/jupyterlab_settings.json $(VENV)/share/jupyter/lab/settings/overrides.json  # no news prompt
	touch $(READY)

lab: demo
	$(PY) -m jupyter lab $(LAB_OPTIONS)

demo: $(READY)
	$(PY) -m course_lib demo

work: $(READY)
	$(PY) -m course_lib copy-lessons

test: lint
	$(PY) -m pytest tests
	$(MAKE) notebooks

# Hostile inputs for every reader; one minute of it is part of `make test`.
SECONDS_OF_FUZZ ?= 3600
fuzz: $(READY)
	FUZZ_SECONDS=$(SECONDS_OF_FUZZ) FUZZ_SEED=$$(date +%s) $(PY) -m pytest tests/test_fuzz_readers.py

browser-test: $(READY)
	$(PY) -m pytest tests/browser

lint: $(READY)
	$(PY) -m ruff check .

notebooks: $(READY)
	$(PY) -m pytest --nbval --nbval-current-env --nbval-cell-timeout=120 \
	    --nbval-sanitize-with notebooks/nbval_sanitize.cfg notebooks/*.ipynb

assignments: $(READY)
	$(PY) -m course_lib assignments

release: assignments
	$(PY) -m course_lib bundle

instructor-check: $(READY)
	$(PY) -m course_lib instructor-check

clean:
	rm -rf $(VENV) out
