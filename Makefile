# The developer's interface. `make demo` and `make test` need only Python 3.11 with venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= nanojunction-demo
SEED ?= 1

.PHONY: help demo test lint bench clean

help:
	@echo "make demo   measure and analyse the published junctions on the virtual cryostat"
	@echo "make test   run the tests"
	@echo "make lint   ruff and mypy"
	@echo "make bench  measure the speeds that are promised, side by side (a few minutes)"
	@echo "make clean  remove what the others made"

demo: $(VENV)/.ready
	$(BIN)/nanojunction demo --out $(OUT) --seed $(SEED)

# Three at a time, also on two cores: half of the tests' time is waiting for instruments.
# The tests start the command hundreds of times: with its byte code written, whatever the shell says.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.ready
	$(BIN)/python -m pytest -n 3 --dist loadgroup -q $(TESTS)

lint: $(VENV)/.ready build/ns/nanojunction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=build/ns $(BIN)/mypy -p nanojunction

bench: $(VENV)/.ready $(VENV)/.bench
	@$(BIN)/python benchmarks

# What others' programs need that the benchmarks measure against.
$(VENV)/.bench: $(VENV)/.packages
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[bench]"
	@touch $@

# Python packages, pinned; made again only when one of these files changes.
$(VENV)/.packages: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(None if sys.version_info >= (3, 11) else "nanojunction needs Python 3.11 or newer, this is " + v + ": run make PYTHON=python3.11 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,export,dask]"
	@touch $@

# Qt's wheel needs a few of the system's libraries: through apt where it may, else one line.
QT_LIBS := libgl1 libegl1 libglib2.0-0 libfontconfig1 libfreetype6 libdbus-1-3 libx11-6 \
  libxext6 libxcb1 libx11-xcb1 libxkbcommon0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-image0 \
  libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-shm0 libxcb-sync1 \
  libxcb-util1 libxcb-xfixes0 libxcb-xinerama0 libxcb-xkb1
QT_TRY := QT_QPA_PLATFORM=offscreen $(BIN)/python -c 'from PyQt5.QtWidgets import QApplication; QApplication([])' >/dev/null 2>&1

$(VENV)/.ready: $(VENV)/.packages
	@$(QT_TRY) || { \
	  if [ "$$(uname -s)" = Linux ] && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "installing the system libraries that Qt needs (apt-get)"; \
	    apt-get update -qq >/dev/null 2>&1; \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(QT_LIBS) >/dev/null; \
	  fi; \
	  $(QT_TRY) || { echo "Qt cannot start: install its libraries with: sudo apt-get install $(QT_LIBS)"; exit 1; }; }
	@touch $@

# Type checkers cannot follow the package mapping of pyproject.toml: this link shows it to them.
build/ns/nanojunction:
	mkdir -p build/ns
	ln -sfn ../.. $@

clean:
	rm -rf $(VENV) build *.egg-info
