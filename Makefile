# Everything runs from a virtual environment made here; nothing else on the machine is touched.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
VENV36 ?= .venv-datasets36
VENV_EXAMPLES ?= .venv-examples
PIP = -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# A file's tests stay in one process, and those that use JAX in it come last.
PYTEST = -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
CONFIGS = warp jax stablehlo paired
COUNT ?= 100

.PHONY: help data test test-36 test-torch test-examples lint format bench soak golden clean

help:  ## what can be made
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

data: $(BIN)/.installed  ## 100 rows of each config under data/, one of each shown
	mkdir -p data
	set -e; for c in $(CONFIGS); do \
	  $(BIN)/jit-synthesis $$c --count $(COUNT) --output data/$$c.jsonl --overwrite; done
	set -e; for c in $(CONFIGS); do $(BIN)/jit-synthesis show $$c 4; done

test: $(BIN)/.test  ## the whole test suite, on the pinned toolchain
	$(BIN)/python $(PYTEST) -m "$(PLAIN)" --durations=10
PLAIN = not torch and not examples

test-36: $(VENV36)/.test  ## what depends on datasets, on datasets 3.6
	$(VENV36)/bin/python $(PYTEST) -m "$(PLAIN)" $(SUITE36)
SUITE36 = tests/test_builder.py tests/test_builder_config.py tests/test_streaming.py \
	tests/test_cli.py tests/test_hub_server.py tests/test_hub_faults.py \
	tests/test_push_to_hub.py tests/test_card.py

test-torch: $(VENV_EXAMPLES)/.test  ## the PyTorch DataLoader
	$(VENV_EXAMPLES)/bin/python -m pytest -m torch tests/test_streaming.py tests/test_extractors_workers.py

test-examples: $(VENV_EXAMPLES)/.test  ## the training scripts of examples/
	$(VENV_EXAMPLES)/bin/python -m pytest -m examples tests/test_examples.py

lint: $(BIN)/.lint  ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(BIN)/.lint  ## rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BIN)/.test  ## rows a second beside the plain method
	$(BIN)/python benchmarks/throughput.py

soak: $(BIN)/.test  ## 20,000 rows of warp and 3,000 of jax: failures, memory
	$(BIN)/python benchmarks/soak.py

golden: $(BIN)/.test  ## renew the golden rows after a wanted change
	$(BIN)/python tests/golden_rows.py
	$(BIN)/python tests/readme_rows.py

clean:  ## remove the environments and caches made here, not data/
	rm -rf $(VENV) $(VENV36) $(VENV_EXAMPLES) .pytest_cache .ruff_cache build *.egg-info

$(BIN)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --editable .
	touch $@

$(BIN)/.test: $(BIN)/.installed
	$(BIN)/python $(PIP) --editable ".[test,test-scale]"
	touch $@

$(BIN)/.lint: $(BIN)/.test
	$(BIN)/python $(PIP) --editable ".[test,test-scale,lint]"
	touch $@

$(VENV36)/.test: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV36)
	sed -E '/^(datasets|fsspec)==/d' constraints.txt > $(VENV36)/constraints.txt
	$(VENV36)/bin/python $(PIP:constraints.txt=$(VENV36)/constraints.txt) \
	  --editable ".[test]" "datasets==3.6.0"
	touch $@

$(VENV_EXAMPLES)/.test: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV_EXAMPLES)
	$(VENV_EXAMPLES)/bin/python $(PIP) --editable ".[test,examples]"
	touch $@
