# make demo and make test do all the set-up themselves; nothing is done twice.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test crash big mutants fuzz bench venv reference pins clean

demo: venv
	$(BIN)/interpres demo

test: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/interpres check
	$(BIN)/interpres test
	$(BIN)/pytest -n 2 --dist loadgroup

# The engine ended at every step, by kill and by power cut; the last line is the sum. Shorter: make crash POINTS=500 SEEDS=50;
# SEED=… draws the same again, WRITE=1 keeps the figures in docs/reliability.md.
POINTS ?= 10000
CUTS ?= $(POINTS)
KILLS ?= $(shell expr $(POINTS) / 20)
SEEDS ?= 2000
crash: venv
	$(BIN)/python -m tests.crash --points $(POINTS) --cuts $(CUTS) --kills $(KILLS) --seeds $(SEEDS) $(if $(SEED),--seed $(SEED)) $(if $(WRITE),--write)

# A million waiting for a dead destination, 100,000 replayed by an engine that is killed ten times: wants 3 GB and up to an hour.
big: venv
	$(BIN)/python -m tests.big $(if $(WRITE),--write)

# Every one-word mistake in the shipped mappings: who finds it (var/mutants.txt). make test makes every twentieth.
mutants: venv
	INTERPRES_MUTANTS=all $(BIN)/pytest tests/test_mutants.py

venv: .venv/made

# --require-hashes refuses -e, so what is ours is installed in a second step, offline.
.venv/made: requirements/all.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/all.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# The readers, the formulas and the frames on inputs that nobody has seen yet.
fuzz: venv
	INTERPRES_FUZZ=1 $(BIN)/pytest -n 2 $$(grep -rl --include='test_*.py' hypothesis tests)

# How fast a mapping is, as ratios to a floor and to peers measured in the same run.
bench: venv
	$(BIN)/python benchmarks/mapping.py

# The pages of docs/reference are made from the code; a test keeps them in step.
reference: venv
	$(BIN)/python -m tests.test_reference

pins:
	$(PYTHON) -m venv .venv-pins
	.venv-pins/bin/python -m pip install --quiet pip-tools
	.venv-pins/bin/pip-compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --strip-extras -o requirements/all.txt requirements/all.in
	rm -rf .venv-pins

clean:
	rm -rf .venv var dist build
