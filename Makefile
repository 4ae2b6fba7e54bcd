# The two commands: `make accept` and `make test`.  Both make the environment first if it is not there.
PYTHON  ?= python3.11
VENV    ?= .venv
REPORTS ?= reports
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready

.PHONY: accept accept-shape m4 test test-slow coverage selftest report html api lint clean

$(READY): constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[model]"
	touch $@

# The gate's exit code is the command's, whatever the reports do afterwards.  Only 0, 1, 6 and 7 leave a record to render.
# Another folder than reports/: make accept REPORTS=DIR, not ARGS="--reports DIR".
accept: $(READY)
	@$(BIN)/python -m pytest acceptance/ $(ARGS) --reports $(REPORTS); gate=$$?; \
	case $$gate in 0|1|6|7) $(BIN)/edge report $(REPORTS)/results.json || exit 2;; esac; \
	exit $$gate

# At Qwen3-0.6B's own size with random weights: minutes and 12 GB from an empty store.  Red, rightly: the documented INT8 is too large.
accept-shape: $(READY)
	@$(MAKE) --no-print-directory accept REPORTS=$(REPORTS)/shape ARGS="--profile qwen3-0.6b-shape $(ARGS)"

# On an Apple M4: checks, artifacts, cool down, the claims, reports.  ARGS=--rehearse goes through the steps on any machine.
m4: $(READY) $(VENV)/.power
	@$(BIN)/edge m4 --reports $(REPORTS) $(ARGS)

$(VENV)/.power: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[model,power]"
	touch $@

# In the order of the folders: the longest files have the fewest tests, and would come last, one worker idle.  Of a thread each: two workers
# whose threads wait for each other's cores take three times as long to train a tiny model.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/ -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# What `make test` leaves out: training and serving by ms-swift, faults planted under whole suites, suites that wait for each other, and
# suites under two workers where a test without them sees the same fault.
test-slow: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/ -m slow -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# `make test` again, with the lines of pipeline/ that it and its children ran: fails below what pyproject.toml asks.
coverage: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[model,dev]"
	$(MAKE) --no-print-directory test ARGS="--cov --cov-report=term:skip-covered"

# Half an hour on an idle machine: the gate's false alarms and misses, into docs/selftest.md.
selftest: $(READY)
	$(BIN)/python -m benchmarks.gate $(ARGS)

report: $(READY)
	$(BIN)/edge report $(REPORTS)/results.json --html

# The functions of what one calls from Python, from their docstrings.
api: $(READY)
	$(BIN)/python -m pdoc -o $(REPORTS)/api pipeline.quantize pipeline.formats.parquet pipeline.precision pipeline.compress

lint:
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[model,dev]"
	$(BIN)/python -m ruff check .

# The history of runs stays: it cannot be made again.  Remove reports/history by hand.
clean:
	rm -rf .edge
	find reports -mindepth 1 -maxdepth 1 ! -name history ! -name .gitkeep -exec rm -rf {} +
