.PHONY: help run test bench bench-size lint lint-deploy lint-api fuzz-api clean-data

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: cargo ## start everything in one process and print a request to try
	@[ -n "$$DATABASE_URL" ] || scripts/postgres.sh install >/dev/null
	@cargo build --bin rollcall
	@exec target/debug/rollcall up

test: ## run all tests, on a RabbitMQ and a PostgreSQL of their own, and the API against its specification
	@scripts/test.sh
	@scripts/api.sh fuzz 1

bench: cargo ## measure the pipeline beside PostgreSQL's own limit, on servers of its own (some 6 minutes)
	@scripts/bench.sh table $(ARGS)

bench-size: cargo ## measure throughput up to 10 million leads (some 20 minutes, 20 GB of disk)
	@scripts/bench.sh size $(ARGS)

lint: cargo ## check the formatting and the lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

lint-deploy: ## check the manifests, the compose file, the alerts and the dashboard (Debian)
	@scripts/lint-deploy.sh

lint-api: cargo ## check the published specifications
	@scripts/api.sh lint

fuzz-api: cargo ## check a running system against its specification (SEED=... repeats a run)
	@scripts/api.sh fuzz $(SEED)

clean-data: ## forget what `make run` has stored (stop it first)
	rm -rf .rollcall

.PHONY: cargo
cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }
