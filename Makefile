# Each target builds the environment it needs below .cache/ and leaves nothing outside this checkout.
# tools/py finds a CPython >= 3.11; name another one with PYTHON=...

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
IN := tools/py tools/environment.py --run
export GATES_STARTED ?= $(shell date +%s)

# Some gates mostly wait, hence one more at once than there are processors.
AT_ONCE ?= $(shell echo $$(($$(nproc 2>/dev/null || sysctl -n hw.ncpu || echo 1) + 1)))

# The longest first, so that they do not end alone.
TEST := sanity units attacks smoke ansible-lint mypy docs ruff yamllint pipelines changelog contract
CHECK := all-attacks integration lowest all-units oldest-core-units oldest-core-sanity all-sanity oldest-core-smoke floor platform coverage engines \
    examples galaxy conformance pages rulebook
SOAK_TESTS := $(patsubst tests/trust/%.py,soak-%,$(wildcard tests/trust/test_*.py)) soak-secrecy
SOAK := $(SOAK_TESTS) soak-mutants soak-engines

.PHONY: help demo test check test-live soak gates lint docs-html bench options emulator test-one envs clean prepared table \
    $(TEST) $(CHECK) $(SOAK)

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: prepared  ## watch a certificate being renewed and proven, and a silent failure being caught
	@$(IN) run tools/demo.py

test:  ## the quality gates of every change, and a table at the end
	@$(MAKE) gates G="$(TEST)"

check:  ## all that `make test` leaves out, and the coverage
	@$(MAKE) gates G="$(CHECK)"

gates: prepared  ## some gates: make gates G="units mypy"; the Makefile has the list
	@$(MAKE) -j$(AT_ONCE) $(G)
	@tools/py tools/gate.py --table $(G)

lint:  ## the gates that only read the code
	@$(MAKE) gates G="ruff mypy yamllint ansible-lint docs changelog pipelines"

test-one: prepared  ## one test: T=tests/unit/test_layers.py::test_name, or the name of an integration target
	@$(if $(wildcard tests/integration/targets/$(firstword $(T))), \
	    $(IN) test tools/ansible_test.py one integration $(T), \
	    $(IN) $(firstword $(filter conformance engines pages,$(subst /, ,$(T))) test) pytest $(T))

soak:  ## the attacks at full strength, the mutants, a large sliced job; takes hours; make soak G=test_machine
	@$(MAKE) gates AT_ONCE=1 G="$(if $(G),$(addprefix soak-,$(G)),$(SOAK))"
	@tools/py tests/trust/figures.py

test-live: prepared  ## a look at your own tenant: what is assumed of the service, and on consent a renewal there
	@$(IN) test tests/live

bench: prepared  ## speed beside floors and other tools: make bench B="--parts listings --sizes 1 100"
	@$(IN) run tests/bench $(B)

options: prepared  ## write specs, documentation and role variables anew from meta/options.yml
	@$(IN) run tools/options.py

emulator: prepared  ## an Entra and Graph emulator with a demo tenant; prints what to export
	@$(IN) run tests/emulator --scenario tests/emulator/scenarios/demo.yml --directory .cache/emulator

envs: prepared  ## build or refresh every environment
	@tools/py tools/environment.py

clean:  ## forget environments, caches and results
	rm -rf .cache

prepared:
	@tools/py tools/checkout.py

# The gates. Each is a line for the shell, in an environment; tools/gate.py says what else a gate is.

GATE = @tools/py tools/gate.py $@
NUMBER := "import sys; print(\"%d.%d\" % sys.version_info[:2])"
PYTEST := python -m pytest -q
TWO := --numprocesses=2
ALL := export EVERCERT_STRENGTH=check
CORE_FOLDERS := $(addprefix tests/unit/plugins/,filter inventory module_utils/_ansible modules plugin_utils)
OTHER_FOLDERS := tests/unit/roles tests/unit/extensions tests/unit/live
TRACED := --cov=plugins --cov-branch --cov-report=

units:  # unit tests, those of the emulator included
	$(GATE) test '$(PYTEST) $(TWO) tests/unit'

attacks:  # every effect, fault, kind of kill and promise at least once, and a sample of the rest
	$(GATE) test 'python tests/trust/figures.py --forget; $(PYTEST) $(TWO) tests/trust'

all-attacks:  # faults, kills, races, lies and hostile peers against every promise; `make soak` has many more of them
	$(GATE) test '$(ALL); python tests/trust/figures.py --forget; $(PYTEST) $(TWO) --durations=20 tests/trust; \
	    python tests/trust/sometimes.py'

smoke:  # a step of every plugin, role and playbook against the emulator, as ansible-test runs it
	$(GATE) test 'python tools/ansible_test.py smoke integration every_plugin'

oldest-core-smoke:  # the same on the oldest supported ansible-core
	$(GATE) --unlike=test oldest-core 'python tools/ansible_test.py oldest-core integration every_plugin'

# By the ordinary door: what the other one needs came with ansible-core 2.19.
FLOOR = 'python tests/examples/smoke.py "$$(command -v python)" every_plugin; $(PYTEST) tests/floor'
floor:  # a step of every plugin on the oldest ansible-core that is taken, without the roles, which need 2.19
	$(GATE) --optional floor $(FLOOR)

platform:  # the same on the ansible-core of newer execution environments
	$(GATE) --optional platform $(FLOOR)

integration:  # every other integration target, and what it said to the emulator against Microsoft's own contract
	$(GATE) test 'python tools/ansible_test.py integration integration --exclude every_plugin; \
	    python tests/contract check .cache/exchanges/integration/*'

contract: smoke  # each exchange that it had, against Microsoft's own description of the interface
	$(GATE) --needs=smoke test 'python tests/contract check .cache/exchanges/smoke/*'

SHIPPED := plugins/ roles/ playbooks/ extensions/ meta/ changelogs/ docs/
sanity:  # ansible-test sanity of what users install, on the newest ansible-core and Python, with nothing ignored
	$(GATE) test 'python tools/ansible_test.py sanity sanity --python $$(python -c $(NUMBER)) $(SHIPPED)'

OURS := tests/ tools/ $(wildcard *.*)
all-sanity:  # the same of what only we use, and what the oldest Python that is here makes of what users install
	$(GATE) test 'python tools/ansible_test.py all-sanity sanity --test compile --test import \
	        --python $$($(IN) lowest python -c $(NUMBER)) $(SHIPPED); \
	    python tools/ansible_test.py all-sanity sanity --python $$(python -c $(NUMBER)) $(OURS)'

oldest-core-sanity:  # of what users install, on the oldest supported ansible-core: all but an older pylint
	$(GATE) --unlike=test oldest-core 'python tools/ansible_test.py oldest-core-sanity sanity --skip-test pylint \
	    --python $$(python -c $(NUMBER)) $(SHIPPED)'

all-units:  # more of the unit tests of which `units` has a part
	$(GATE) test '$(ALL); $(PYTEST) $(TWO) -m sampled tests/unit'

# Here, in `lowest` and in `coverage` each unit test runs once more, traced.
# Plain pytest, so that it differs from `units` in ansible-core alone; what is below `_ansible` imports nothing of it.
oldest-core-units:  # the tests of what meets ansible-core, on the oldest supported one
	$(GATE) oldest-core 'mkdir -p .cache/coverage; \
	    COVERAGE_FILE=.cache/coverage/core $(PYTEST) $(TWO) $(TRACED) $(CORE_FOLDERS)'

# No supported ansible-core installs on the oldest Python, and none needs to: modules are sent to it. So the unit tests
# of what is sent find ansible.module_utils in the newest one, and a step of every plugin runs with this interpreter.
LOWEST := .cache/lowest
ANSIBLE := "import os, ansible; print(os.path.dirname(ansible.__file__))"
lowest:  # the lower bounds of requirements.txt on the oldest Python that is here: the modules as on such a host
	$(GATE) lowest 'mkdir -p $(LOWEST) .cache/coverage; ln -sfn "$$($(IN) test python -c $(ANSIBLE))" $(LOWEST)/ansible; \
	    $(IN) test tests/examples/smoke.py "$$(command -v python)" every_plugin; \
	    export COVERAGE_FILE=.cache/coverage/lowest PYTHONPATH="$$PYTHONPATH:$$PWD/$(LOWEST)"; \
	    $(PYTEST) $(TWO) $(TRACED) tests/unit/plugins/module_utils'

coverage: lowest oldest-core-units  # of plugins/, by the unit tests: at least 97 % of its branches
	$(GATE) --needs=lowest --needs=oldest-core-units test 'COVERAGE_FILE=.cache/coverage/units $(PYTEST) $(TWO) $(TRACED) $(OTHER_FOLDERS); \
	    export COVERAGE_FILE=.cache/coverage/all; \
	    coverage combine --keep $(addprefix .cache/coverage/,units core lowest); \
	    coverage html --include="plugins/*" --directory=.cache/coverage/html; \
	    coverage json --include="plugins/*" -o .cache/coverage/report.json; \
	    python tools/covered.py .cache/coverage/report.json 97'

conformance:  # clients that nobody here wrote, against the emulator
	$(GATE) conformance '$(PYTEST) tests/conformance'

engines:  # what runs playbooks for people: builder, runner, navigator, and a controller's definitions and slices
	$(GATE) engines '$(PYTEST) tests/engines'

rulebook:  # the event source and its rulebook in the real ansible-rulebook, in an environment without ansible-core
	$(GATE) --optional rulebook 'export RULEBOOK_PROGRAMS="$$(dirname "$$(command -v ansible-rulebook)")"; $(IN) test pytest -q tests/rulebook'

pages:  # the page of a report in a real browser, and its SARIF against the official schema
	$(GATE) --optional pages '$(PYTEST) tests/pages'

examples:  # every EXAMPLE of every module, against the emulator
	$(GATE) test 'python tests/examples'

galaxy:  # the archive that users install: built, checked as Galaxy does, installed and asked for its documentation
	$(GATE) galaxy 'python tools/galaxy.py'

ansible-lint:  # playbooks, roles and examples in the strictest profile
	$(GATE) lint 'ansible-lint --offline --nocolor --profile production; echo profile production'

yamllint:  # every YAML file
	$(GATE) lint 'yamllint --strict .'

mypy:  # strict types in plugins/, and in tools/
	$(GATE) lint 'MYPYPATH=.cache/link mypy -p ansible_collections.evercert.entra.plugins; MYPYPATH=tools mypy tools'

ruff:  # errors, style and format of all Python files
	$(GATE) lint 'ruff check --no-cache .; ruff format --check --diff --no-cache .'

docs:  # the documentation of every plugin and role, and the guides: checked, and built as pages without a warning
	$(GATE) lint 'python tools/build_docs.py'

changelog:  # fragments that a user can read
	$(GATE) lint 'cd .cache/link/ansible_collections/evercert/entra; antsibull-changelog lint'

# Each in the schema of its platform, and GitHub's without a known weakness. Azure's schema has patterns of the older
# kind, and values that are texts.
PIPELINES := docs/examples/pipelines
pipelines:  # the example pipelines
	$(GATE) lint 'check-jsonschema --builtin-schema vendor.github-workflows $(PIPELINES)/github/*.yml; \
	    check-jsonschema --builtin-schema vendor.azure-pipelines --regex-variant nonunicode \
	        --data-transform azure-pipelines $(PIPELINES)/azure/*.yml; \
	    check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci $(PIPELINES)/gitlab/*.yml; \
	    zizmor --offline --pedantic --strict-collection $(PIPELINES)/github/*.yml'

# The soak: each part counts in a place of its own, and its figures are taken over when it has passed.
SOAKING = $(GATE) --patient $(1) 'export EVERCERT_STRENGTH=soak EVERCERT_FIGURES=.cache/soak/$@; \
    rm -rf .cache/soak/$@; $(2); python tests/trust/figures.py --take .cache/soak/$@'

$(SOAK_TESTS): soak-%:
	$(call SOAKING,test,$(PYTEST) $(TWO) --timeout=0 $(wildcard tests/trust/$*.py tests/trust/$*))
soak-mutants:
	$(call SOAKING,test,python tests/trust/mutants)
soak-engines:
	$(call SOAKING,engines,$(PYTEST) --timeout=0 tests/engines)
