# Every target makes the virtual environment first if it is not there yet: what a learner needs for
# `lab`, `demo` and `work`, and for the others what developers and graders need, too.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
LAB := $(VENV)/.lab
READY := $(VENV)/.ready
# TORCH=cpu gets PyTorch's build without CUDA, a fifth of the size: make lab TORCH=cpu
TORCH ?=
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

# Open a browser only where there is a screen; otherwise JupyterLab prints the address.
SCREEN := $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname -s)))
LAB_OPTIONS = --ip=127.0.0.1 --allow-root --log-level=WARN $(if $(SCREEN),,--no-browser) \
    --LabApp.default_url=/lab/tree/work/00_start_here.ipynb $(UPLOADS)
# Tornado drops messages above 10 MB without a word; a photograph of 24 megapixels is larger.
UPLOADS := --ServerApp.tornado_settings="{'websocket_max_message_size': 67108864}"
# Should nbgrader be installed, students see no buttons and warnings of it.
LEARNER := JUPYTER_CONFIG_PATH=notebooks/jupyter

.PHONY: setup lab demo test fuzz browser-test lint notebooks work site clean assignments release instructor-check

setup: $(READY)

$(LAB): pyproject.toml notebooks/jupyterlab_settings.json
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -c 'import platform, sys; sys.exit("PyTorch has made no builds for Intel Macs since its version 2.2, and the course needs 2.6: open the lessons in a hosted notebook instead (README, One click)" if (sys.platform, platform.machine()) == ("darwin", "x86_64") else 0)'
	@echo 'Making .venv and installing PyTorch and JupyterLab: a few minutes the first time, several GB with CUDA.'
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH),$(PIP) torch torchvision --index-url https://download.pytorch.org/whl/$(TORCH))
	$(PIP) -e '.[lab]'
	mkdir -p $(VENV)/share/jupyter/lab/settings
	cp notebooks/jupyterlab_settings.json $(VENV)/share/jupyter/lab/settings/overrides.json  # no news prompt
	touch $(LAB)

$(READY): $(LAB)
	$(PIP) -e '.[dev,grading]'
	touch $(READY)

lab: demo work
	$(LEARNER) $(PY) -m jupyter lab $(LAB_OPTIONS)

demo: $(LAB)
	$(PY) -m course_lib demo

work: $(LAB)
	$(PY) -m course_lib copy-lessons

# So many tests at a time, each with one thread: twice as fast as one after the other with two.
JOBS ?= 2
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest -n $(JOBS)

test: lint
	$(PYTEST) --dist loadscope tests
	$(MAKE) notebooks

# Hostile inputs for every reader; one minute of it is part of `make test`.
SECONDS_OF_FUZZ ?= 3600
fuzz: $(READY)
	FUZZ_SECONDS=$(SECONDS_OF_FUZZ) FUZZ_SEED=$$(date +%s) $(PY) -m pytest tests/test_fuzz_readers.py

browser-test: $(READY)
	$(PY) -m pytest tests/browser

lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

# Some of them: make notebooks LESSONS=notebooks/02_adain_statistics.ipynb
LESSONS ?= notebooks/*.ipynb
notebooks: $(READY)
	$(PYTEST) --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout=240 \
	    --nbval-sanitize-with notebooks/nbval_sanitize.cfg $(LESSONS)

# The lessons, the pages and the playground as a site, out/site/_build/html; MyST fetches its theme
# from the internet.
site: $(READY)
	$(PIP) -e '.[site]'
	$(PY) notebooks/publishing/make_site.py

assignments: $(READY)
	$(PY) -m course_lib assignments

release: assignments
	$(PY) -m course_lib bundle

instructor-check: $(READY)
	$(PY) -m course_lib instructor-check

clean:
	rm -rf $(VENV) out
