# Every target sets up what it needs by itself. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help run test check format bench clean setup setup-dev packages measures \
	check-style check-format check-types check-templates check-layout check-imports
MAKEFLAGS += --no-print-directory
export PYTHON

# Sets $$python to the first Python that is new enough: the one named by PYTHON, else whatever is there.
find_python = for python in $${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && break; python=; done; \
	[ -n "$$python" ] || { echo "The portal needs Python 3.11 or newer, and found only $$( \
	$${PYTHON:-python3} --version 2>/dev/null || echo none): install it, or name one by PYTHON=/path/to/python." >&2; exit 1; }

# Installs what is missing of the programs in $(2), each with its Debian package, or says what $(1) need.
need = missing=; for pair in $(2); do \
	PATH="$$PATH:/usr/sbin:/sbin" command -v "$${pair%:*}" >/dev/null || missing="$$missing $${pair\#*:}"; done; \
	[ -z "$$missing" ] || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing$$missing …" && \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } || \
	{ echo "$(1) need$$missing: install that (as root: apt-get install$$missing)." >&2; exit 1; }

# As `python -m portal.supervisor.run`, but Ctrl-C while modules still load ends it without a traceback.
start = 'import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); \
	from portal.supervisor.run import main; raise SystemExit(main())'

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## Run the portal (PORT, DATA_DIR, DEMO=0, DATABASE_URL, REDIS_URL and more: see portal/docs/settings.md)
	@exec .venv/bin/python -c $(start)

test: setup-dev packages ## Run all tests (ARGS='-k words' or a path narrows it)
	@exec .venv/bin/python -m pytest -n 2 $(ARGS)

check: setup-dev ## Check style, types, templates and import directions
	@$(MAKE) --keep-going check-style check-format check-types check-templates check-layout check-imports

check-style:
	.venv/bin/ruff check .

check-format:
	.venv/bin/ruff format --check .

check-types:
	.venv/bin/mypy

check-templates:
	.venv/bin/djlint templates --lint --quiet

check-layout:
	.venv/bin/djlint templates --check --quiet

check-imports:
	.venv/bin/lint-imports

format: setup-dev ## Format code and templates
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	.venv/bin/djlint templates --reformat --quiet

bench: measures setup-dev ## Measure the speed budgets
	@exec .venv/bin/python -m tests.benchmarks $(ARGS)

clean: ## Remove what set-up and tools made; instance data stays
	rm -rf .venv static/vendor static/node_modules .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
		.hypothesis .schemathesis test-results
	find portal tests migrations -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@$(find_python); exec "$$python" -P portal/supervisor/setup.py

setup-dev:
	@$(find_python); exec "$$python" -P portal/supervisor/setup.py --dev

packages:
	@$(call need,The tests,chromium:chromium nginx:nginx)

measures:
	@$(call need,The measurements,wrk:wrk)
