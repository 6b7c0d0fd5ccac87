# RuPost. Every target installs what it needs itself (tools/bootstrap.sh): a fresh Debian 12, root, git and apt suffice.
PYTHON := .venv/bin/python
# Servers that the contract tests start by themselves, as ordinary processes.
TEST_PACKAGES := postgresql slapd ldap-utils
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: demo test lint deb lab bench screenshots sweep messages bootstrap clean

demo: deb  ## A node from nothing: package, wizard, deployment, people, real mail; prints what was proven
	$(PYTHON) -m demo

test: lint deb  ## Everything: lint, unit, golden, contract and lab tests
	EXTRA_PACKAGES="$(TEST_PACKAGES)" tools/bootstrap.sh
	$(PYTHON) -m pytest tests

lint: bootstrap messages  ## Style, types, import contracts
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	$(PYTHON) tools/check_messages.py

deb: bootstrap messages  ## dist/rupost_VERSION_amd64.deb
	packaging/build

lab: deb  ## One node and a directory, set up and serving: lab/lab info
	lab/lab up single

bench: deb  ## Measurements, each beside its peer in one run; prints tables
	$(PYTHON) -m bench

screenshots: deb  ## Pictures of what people look at, into screenshots/
	EXTRA_PACKAGES="chromium fonts-dejavu-core" tools/bootstrap.sh
	$(PYTHON) -m screenshots.take

sweep: deb  ## Whatever `make test` only samples, in full: hours; docs/measured.md keeps the last results
	EXTRA_PACKAGES="$(TEST_PACKAGES)" tools/bootstrap.sh
	RUPOST_SWEEP=1 $(PYTHON) -m pytest -rP $$(grep -rlE "from hypothesis|RUPOST_SWEEP" tests --include=test_*.py)

messages: bootstrap  ## Compiles the translations
	msgfmt --check-format -o rupost_core/locale/ru/LC_MESSAGES/rupost.mo rupost_core/locale/ru/LC_MESSAGES/rupost.po

bootstrap:  ## Debian packages and the virtual environment, when missing
	tools/bootstrap.sh

clean:  ## Takes the lab down and removes what was built
	-lab/lab down
	rm -rf build dist .venv
