# Two commands are enough:
#   make lab     install the course into .venv (first time only) and open it
#   make test    prove that all of it works

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

VENV := .venv
PYTHON := $(VENV)/bin/python
# More arguments for pip; the README has an example.
PIP_FLAGS ?=
CODE := vidlab tests data_scripts benchmarks $(wildcard notebooks/source)

# The stamp says for which folder the environment was installed: a copied or moved one is redone.
STAMP := $(VENV)/.installed-for
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
$(STAMP): again
endif

.PHONY: help lab test notebooks lint bench verify lock clean again
again:

help:  ## say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | expand -t 12

lab: $(STAMP)  ## open the course in JupyterLab
	@$(PYTHON) -m vidlab lab

test: lint  ## prove that everything works: style, types, tests, chapters
	@$(PYTHON) -m pytest

notebooks: $(STAMP)  ## build the chapters whose sources changed
	@$(PYTHON) -m vidlab build

lint: $(STAMP)  ## check style and types
	@$(PYTHON) -m ruff check $(CODE)
	@$(PYTHON) -m ruff format --check $(CODE)
	@$(PYTHON) -m mypy

bench: $(STAMP)  ## measure speeds, one program after the other
	@set -e; for file in benchmarks/*.py; do \
	  case "$$file" in */results_table.py) continue;; esac; \
	  echo "== $$file"; $(PYTHON) "$$file"; done

verify: $(STAMP)  ## run the long experiments anew; each goes on where it was stopped
	@set -e; for file in data_scripts/experiments/*.py; do \
	  case "$$file" in */results_table.py) continue;; esac; \
	  echo "== $$file"; $(PYTHON) "$$file"; done

lock: $(STAMP)  ## write constraints.txt anew from the newest versions
	@$(PYTHON) data_scripts/lock.py

clean:  ## remove .venv, caches and screenshots; your notebooks and videos stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist screenshots
	find vidlab tests data_scripts benchmarks notebooks \
	  \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# The stamp is written last, so that an interrupted installation is taken up again.
$(STAMP): pyproject.toml constraints.txt
	@rm -f $@
	@$(PYTHON) -c 'import sys, pip; assert sys.version_info >= (3, 11)' 2>/dev/null || { \
	  for program in python3.11 python3.12 python3.13 python3; do \
	    "$$program" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	      && break || program=; \
	  done; \
	  test -n "$$program" || { echo 'No Python 3.11 or newer with the module venv: looked for' \
	    'python3.11, python3.12, python3.13 and python3. Install one and try again' \
	    '(Debian and Ubuntu: apt-get install python3 python3-venv).' >&2; exit 1; }; \
	  echo "Making $(VENV) with $$program ..."; "$$program" -m venv --clear $(VENV); }
	@echo 'Installing the course into $(VENV): some minutes, this once ...'
	@# --no-compile: a third of the time would go into modules that nobody imports.
	@$(PYTHON) -m pip install --disable-pip-version-check --no-compile \
	  $(PIP_FLAGS) -c constraints.txt -e '.[all]'
	@echo '$(CURDIR)' > $@
