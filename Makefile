# For developers; learners need start.py only. Every target uses the .venv that `python3 start.py test` makes.
PYTHON = .venv/bin/python
export MPLCONFIGDIR = $(CURDIR)/.venv/var/matplotlib

help:           ## this list
	@sed -n 's/^\([a-z-]*\): *\([^#]*\)## /\1\t/p' $(MAKEFILE_LIST)

test:           ## everything that must pass: notebook lint, tests, doctests, notebooks
	python3 start.py test

slow: setup     ## the long checks that `test` leaves out
	$(PYTHON) -m pytest -n 2 --dist loadscope -m slow tests mmsim

browser-test: site ## the course and the site in headless Chromium; reports and pictures go to dist/browser
	python3 -m tests.browser

lite:           ## the course without an install, in dist/lite: JupyterLite with all it needs (needs npm)
	@python3 start.py setup lite
	$(PYTHON) -m mmsim.publish.lite

lite-test:      ## the same, then run in headless Chromium without a network
	python3 -m tests.lite

lint: setup     ## ruff
	$(PYTHON) -m ruff check

course-lint: setup ## the notebooks against the rules of the course
	$(PYTHON) -m mmsim.course.lint notebooks

bench: setup    ## the tree against what a user would pick instead, brk() calls a second, and the speed of marking
	$(PYTHON) -m tests.bench
	$(PYTHON) -m tests.bench.brk
	$(PYTHON) -m tests.bench.grade

site: setup     ## the course as static pages in dist/site, links and HTML checked
	$(PYTHON) -m mmsim.publish.site

lock:           ## remake requirements.lock (needs uv)
	python3 .ci/lock.py

setup:          ## the test set in .venv
	@python3 start.py setup

clean:          ## remove .venv and what the tools left; keeps the learner's .mmsim
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis dist
	find mmsim tests -name __pycache__ -type d -exec rm -rf {} +

.PHONY: help test slow browser-test lite lite-test lint course-lint bench site lock setup clean
