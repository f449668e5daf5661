# Each target builds the environment it needs below .cache/ and leaves nothing outside this checkout.
# tools/py finds a CPython >= 3.11; name another one with PYTHON=...

.DEFAULT_GOAL := help
.PHONY: help demo test test-live soak gates lint docs bench emulator test-one envs clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo:  ## watch a certificate being renewed and proven, and a silent failure being caught
	@tools/py tools/run_in.py run tools/demo.py

test:  ## every quality gate, and a table at the end
	@tools/py tools/gates.py

test-live:  ## a look at your own tenant: what is assumed of the service, and on consent a renewal there
	@tools/py tools/run_in.py test tests/live

soak:  ## the attacks on the promises at full strength, the mutants, a large sliced job; takes hours
	@tools/py tools/soak.py $(G)

gates:  ## some gates: make gates G="units mypy" (G=list names them)
	@tools/py tools/gates.py $(G)

lint:  ## the gates that only read the code
	@tools/py tools/gates.py ruff mypy yamllint ansible-lint docs changelog

docs:  ## the documentation as HTML, in .cache/docs
	@tools/py tools/build_docs.py

bench:  ## speed beside floors and other tools: make bench B="--parts listings --sizes 1 100"
	@tools/py tools/run_in.py run tests/bench $(B)

emulator:  ## an Entra and Graph emulator with a demo tenant; prints what to export
	@tools/py tools/run_in.py run tests/emulator --scenario tests/emulator/scenarios/demo.yml --directory .cache/emulator

test-one:  ## one test: T=tests/unit/test_layers.py::test_name, or the name of an integration target
	@tools/py tools/test_one.py $(T)

envs:  ## build or refresh every environment
	@tools/py tools/environments.py

clean:  ## forget environments, caches and results
	rm -rf .cache
