# Each target does its own set-up. It needs Python 3.11 or newer, git, make.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

# How many tests run at once
JOBS ?= 2

# Waiting threads sleep, so that a busy machine stays quick
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help book pdf test browser-test bench record stress prove setup-test \
publish lab handout notebooks pictures sync clean

help:
	@echo "make book       build the pages: book/_build/html/index.html"
	@echo "make pdf        print the whole book: build/book.pdf"
	@echo "make test       run all tests, the notebooks included"
	@echo "make browser-test   only the tests that look at the pages"
	@echo "make bench      measure the posts' loops and the book's, side by side"
	@echo "                (BENCH=--quick for three minutes instead of fifteen)"
	@echo "make record     measure effects over seeds anew (slow)"
	@echo "make stress     make faults in numbers: kills, full disks, odd files"
	@echo "make prove      take each protection out: its test must notice"
	@echo "make setup-test run the notebooks as Colab would (installs gigabytes)"
	@echo "make publish REPO=owner/name"
	@echo "                prepare this copy for GitHub Pages (or REPO=--undo)"
	@echo "make lab        open the notebooks in JupyterLab"
	@echo "make handout    copy the notebooks for a class, without the answers"
	@echo "make notebooks  run all notebooks and store what they print"
	@echo "make pictures   make the pictures of the README anew"
	@echo "make sync       copy taught code from the library to the notebooks"
	@echo "make clean      remove what was built; the environment stays"

book: $(READY)
	$(BIN)/jupyter-book build book -W -n --keep-going --all

# Needs Chromium
pdf: book
	$(BIN)/python tools/pdf.py

test: $(READY)
	$(BIN)/python -m pytest --nbval \
	-n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=25

browser-test: $(READY)
	$(BIN)/python -m pytest tests/test_browser.py

# Without the setting above: each loop is timed as a reader would run it
bench: $(READY)
	@mkdir -p build
	env -u OMP_WAIT_POLICY $(BIN)/python -m benchmarks \
	--json build/bench.json $(BENCH)

# Records that are there already go when the new ones are whole
record: $(READY)
	$(BIN)/python -m benchmarks.seeds cases --replace
	$(BIN)/python -m benchmarks.seeds ablations --replace
	$(BIN)/python -m benchmarks.seeds paper --replace
	$(BIN)/python -m benchmarks.seeds starts --seeds 1 --replace

stress: $(READY)
	$(BIN)/python -m tests.faults $(STRESS)

prove: $(READY)
	$(BIN)/python tools/prove.py

setup-test: $(READY)
	$(BIN)/python tools/setup_test.py $(SETUP_TEST)

# It needs no environment. Without REPO it says what is prepared
publish:
	@$(PYTHON) tools/publish.py $(or $(REPO),--check)

lab: $(READY)
	$(BIN)/jupyter lab book/notebooks

handout: $(READY)
	$(BIN)/python tools/handout.py build/handout $(CHAPTERS)

notebooks: sync
	$(BIN)/python tools/notebooks.py run

pictures: book
	$(BIN)/python tools/cover.py

sync: $(READY)
	$(BIN)/python tools/sync_taught.py
	$(BIN)/python tools/explorers.py

clean:
	rm -rf book/_build build *.egg-info .pytest_cache .ruff_cache .hypothesis

# Made once; again when what the book or the library needs has changed
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
	echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version 2>&1)." \
	"Name another: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -r requirements.txt
	@touch $@
