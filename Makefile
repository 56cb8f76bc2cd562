# What a contributor runs; `make` alone lists it.

CARGO ?= cargo

.DEFAULT_GOAL := help
# One cargo at a time: a second one would only wait for the first one's lock.
.NOTPARALLEL:
.PHONY: help build test test-needs check fmt fmt-check clippy doc deps bench clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target what; do \
		printf '  make %-12s %s\n' "$$target" "$$what"; done

build: ## build the release binary, target/release/liftlock
	$(CARGO) build --release --locked

test: test-needs ## run all tests, installing the servers they need where that is possible
	$(CARGO) test --locked --features crash-tests

test-needs: ## only install what the tests need, or say how
	@sh scripts/test-needs.sh

check: fmt-check clippy test doc deps ## everything a change must pass; what CI runs

fmt: ## format the code
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all --check

clippy: ## lints, none allowed
	$(CARGO) clippy --locked --all-targets --all-features -- -D warnings

doc: ## the library's documentation, without a warning
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps

deps: ## licences and advisories of the dependencies, as far as that works offline
	@sh scripts/check-deps.sh

bench: ## the benchmarks (docs/benchmarks.md)
	$(CARGO) bench --locked

clean: ## remove what was built
	$(CARGO) clean
