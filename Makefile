# make demo   hands in a small clip (or in your own: make demo VIDEO=path), drawn into demo/
# make test   ruff and the tests, with what training needs (torch: no GPU needed)

PYTHON ?= python3
VENV ?= .venv
VIDEO ?= docs/demo.mp4
BIN := $(VENV)/bin

.PHONY: demo test clean

demo: $(VENV)/demo-installed
	$(BIN)/handos predict "$(VIDEO)" --out demo/hands.jsonl --draw "demo/$(basename $(notdir $(VIDEO)))-hands.mp4"
	@echo "Look at demo/$(basename $(notdir $(VIDEO)))-hands.mp4; the numbers are in demo/hands.jsonl"

test: $(VENV)/test-installed
	$(BIN)/ruff check .
	$(BIN)/python -m pytest

clean:
	rm -rf $(VENV) demo build dist *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo-installed: pyproject.toml | $(BIN)/python
	mkdir -p demo
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

# The constraints keep torch at one CPU build: an open range may fetch gigabytes of CUDA libraries.
$(VENV)/test-installed: pyproject.toml .ci/constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt --editable ".[train,bags,dev]"
	touch $@
