# The two commands: `make accept` and `make test`.  Both make the environment first if it is not there.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: accept test report html lint clean

$(READY): constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

# The gate's exit code is the command's, whatever the reports do afterwards.
accept: $(READY)
	@$(BIN)/python -m pytest acceptance/ $(ARGS); gate=$$?; $(BIN)/edge report || exit 2; exit $$gate

test: $(READY)
	$(BIN)/python -m pytest tests/ $(ARGS)

report: $(READY)
	$(BIN)/edge report --html

lint:
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	$(BIN)/python -m ruff check .

clean:
	rm -rf .edge reports
