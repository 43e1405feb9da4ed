# make demo   set up and run the default pipeline: tracks and a report in a few minutes
# make browse look at a run's tracks in the web browser: RUN=demo, FOLDER=export (or genome_tracks)
# make test   set up and run the test suite: some minutes
# make test-all  what that leaves out: what takes long, or another program (Slurm, Chromium, IGV)
# make motifs what `snakemake motifs` needs besides: TF-MoDISco, in a virtual environment of its own
# make bench  how fast it all is, beside a plain version
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= all
RUN ?= demo
FOLDER ?= export
PORT ?= 8000

.PHONY: demo browse motifs test test-all bench lint format schema clean

demo: $(VENV)/.run
	$(BIN)/snakemake --cores $(CORES) --resources gpu=1
	@echo; cat results/demo/report/summary.txt

browse: $(VENV)/.run
	@test -f results/$(RUN)/$(FOLDER)/index.html || { echo "results/$(RUN)/$(FOLDER) has no index.html: \
	make one with $(BIN)/snakemake browse and the --configfile of that run (or make demo), or name a run that has: make browse RUN=name" >&2; exit 1; }
	@PYTHONPATH=scripts $(BIN)/python -m seqcast.tracks.browser.serving results/$(RUN)/$(FOLDER) --port $(PORT)

# GPL packages are among what it needs: it stays out of $(VENV).
motifs: .venv-motifs/.run

.venv-motifs/.run: requirements-motifs.txt
	test -x .venv-motifs/bin/python || $(PYTHON) -m venv .venv-motifs
	@echo "installing what requirements-motifs.txt lists: 1 to 2 minutes"
	.venv-motifs/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-motifs.txt
	touch $@

# Some hundred Pythons would compile the same files again.
unexport PYTHONDONTWRITEBYTECODE
# A file's tests share what they set up: they stay with one worker.
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

test: $(VENV)/.dev
	$(PYTEST) -n 2 -m "not slow"

# The third mostly waits for Slurm.
test-all: $(VENV)/.dev motifs
	$(PYTEST) -n 3 -m slow

# How fast it all is, beside a plain version: ROWS="train predict" for some rows of it.
bench: $(VENV)/.dev
	PYTHONPATH=scripts:tests $(BIN)/python -m bench $(ROWS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

# What editors, and readers of docs/config.md, know of the config; a test keeps both true.
schema: $(VENV)/.dev
	PYTHONPATH=scripts $(BIN)/python -m seqcast.settings.schema json > workflow/schemas/config.schema.json
	PYTHONPATH=scripts $(BIN)/python -m seqcast.settings.schema docs > docs/config.md


clean:
	rm -rf $(VENV) .venv-motifs .snakemake .pytest_cache .ruff_cache .hypothesis

$(VENV)/.run: requirements.txt
	@$(PYTHON) -c 'import platform, sys; \
	sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) and platform.system() == "Linux" \
	and platform.machine() == "x86_64" else "seqcast needs Linux x86-64 and Python 3.11 to 3.13 \
	(pyBigWig has no wheels elsewhere); found %s %s, Python %s. With such a Python beside this one: \
	make PYTHON=python3.12" % (platform.system(), platform.machine(), platform.python_version()))'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what requirements.txt lists: 1 to 3 minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt requirements-slurm.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
