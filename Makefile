# Shorter names; the commands themselves are ./run, ./test and those below.
.PHONY: help run test coverage lint format bench lock

help: ## what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/'

run: ## start everything on this machine
	./run

test: ## all tests, on both databases and in a browser
	./test

coverage: ## all tests, measuring what they reach (takes half as long again)
	./test --cov --cov-report=term:skip-covered

lint: ## ruff and mypy alone
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

format: ## put the code in shape
	.venv/bin/ruff check --fix . && .venv/bin/ruff format .

bench: ## measure, and write bench/RESULTS.md
	.venv/bin/python -m bench

UV = uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --custom-compile-command "make lock"
lock: ## write the locked requirements anew (needs uv)
	$(UV) requirements.in -o requirements.txt
	$(UV) requirements-test.in -o requirements-test.txt
