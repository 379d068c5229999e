# Every target does its own set-up: a checkout, Rust, Python and the system's package manager are all it needs.
# `make help` lists the targets.

PYTHON_BIN := .venv/bin/python
STAMPS := .build
# pyo3 compiles against this interpreter, whoever starts cargo: so nothing is compiled twice.
export PYO3_PYTHON := $(CURDIR)/$(PYTHON_BIN)
export VIRTUAL_ENV := $(CURDIR)/.venv
# For scripts/setup.sh: `make setup PYTHON=python3.12` chooses the interpreter.
export PYTHON

RUST_SOURCES := $(shell find src -name '*.rs') Cargo.toml Cargo.lock pyproject.toml
PYTHON_SOURCES := $(wildcard python tests/python tests/bench tests/soak demo examples scripts)
EXTENSION := $(wildcard python/notmodified/_core*.so)
SOAK_MINUTES := 120
FUZZ_SECONDS := 600
# The benchmark's peers, away from the development tools.
BENCH_PYTHON := $(STAMPS)/bench-venv/bin/python
# Not `target` itself: there the product without its binding would take the place of the product with it.
BENCH_TARGET := target/bench
CARGO_DENY := $(STAMPS)/cargo-deny/bin/cargo-deny

.DEFAULT_GOAL := help
.PHONY: help setup build build-release environments nginx strace servers lint format test soak rotation links fuzz sanitize demo bench profile audit clean always

help:  ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

setup: $(STAMPS)/venv environments nginx strace servers  ## Make .venv with the development tools, the environments of older Scrapys and other Pythons, and install the servers and strace if they are missing

build: $(STAMPS)/extension-dev  ## Build the extension for tests into .venv

build-release: $(STAMPS)/extension-release  ## Build the extension as it is shipped into .venv

lint: build  ## Check formats, lints, types and stubs
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --features python -- -D warnings
	$(PYTHON_BIN) -m ruff check $(PYTHON_SOURCES)
	$(PYTHON_BIN) -m ruff format --check $(PYTHON_SOURCES)
	$(PYTHON_BIN) -m mypy $(PYTHON_SOURCES)
	$(PYTHON_BIN) -m mypy.stubtest notmodified._core

format: $(STAMPS)/venv  ## Format Rust and Python, and repair what the linter can
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml
	$(PYTHON_BIN) -m ruff check --fix $(PYTHON_SOURCES)
	$(PYTHON_BIN) -m ruff format $(PYTHON_SOURCES)

test: build environments nginx strace servers  ## Lint, and run all tests but the long ones; ends with a line of counts
	$(PYTHON_BIN) scripts/test.py

soak: build-release nginx  ## Poll over one store for SOAK_MINUTES=120, with changes and kills
	$(PYTHON_BIN) tests/soak --minutes $(SOAK_MINUTES)

rotation: build-release  ## Rotate ten thousand proxies, and see what a process keeps of them
	$(PYTHON_BIN) tests/soak/rotation.py

links: build-release  ## Show whom each mode of sharing gives away to origins that track: 1,000 exits, 100,000 requests each
	$(PYTHON_BIN) scripts/links.py $(LINKS)

fuzz:  ## Fuzz each target of fuzz/ for FUZZ_SECONDS=600 (installs a nightly toolchain)
	scripts/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

sanitize:  ## Run the Rust tests under AddressSanitizer, and the store's under valgrind (nightly)
	scripts/sanitize.sh

demo: build-release  ## Poll and crawl a real site twice, and see what it cost
	@scripts/ensure-nginx.sh || echo "the demo goes on with the standard library's server" >&2
	$(PYTHON_BIN) demo

bench: build-release nginx $(STAMPS)/bench  ## Measure against others on loopback (all of it: make bench BENCH=--full)
	@# Not --locked: its lock file holds the product's dependencies too, and follows them.
	cargo build --release --manifest-path tests/bench/programs/Cargo.toml --target-dir $(BENCH_TARGET)
	$(BENCH_PYTHON) tests/bench $(BENCH)

profile: $(STAMPS)/venv $(STAMPS)/bench nginx  ## Record where the benchmark's time goes (needs perf)
	scripts/profile.sh

audit: $(CARGO_DENY)  ## Check licences, sources and bans of the dependencies
	$(CARGO_DENY) check --hide-inclusion-graph bans licenses sources

clean:  ## Remove everything that was built or installed here
	rm -rf .venv $(STAMPS) target fuzz/target dist .mypy_cache .ruff_cache .pytest_cache
	rm -f python/notmodified/_core*.so

$(STAMPS)/venv: scripts/setup.sh pyproject.toml
	scripts/setup.sh
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/bench: $(STAMPS)/venv scripts/bench-venv.sh $(wildcard tests/bench/requirements*.txt)
	scripts/bench-venv.sh
	@touch $@

# The one extension in .venv is of the profile whose stamp is here: `dev` or `release`.
$(STAMPS)/extension-%: $(STAMPS)/venv $(RUST_SOURCES) $(if $(EXTENSION),,always)
	PIP_QUIET=1 $(PYTHON_BIN) -m maturin develop --locked --profile $*
	@rm -f $(STAMPS)/extension-* && touch $@

environments: $(STAMPS)/scrapy/environments.json

# They have the package's metadata, version and all.
$(STAMPS)/scrapy/environments.json: $(STAMPS)/venv scripts/scrapy_environments.py Cargo.toml
	$(PYTHON_BIN) scripts/scrapy_environments.py

nginx:
	@scripts/ensure-nginx.sh

strace:
	@scripts/ensure-strace.sh

servers:
	@scripts/ensure-servers.sh

$(CARGO_DENY):
	cargo install --locked --root $(STAMPS)/cargo-deny cargo-deny
