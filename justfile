# The commands that people use. `just` lists them.

_default:
    @just --list --unsorted

# Compile the program, once for demo, tests and benchmarks
build:
    cargo build --release

# The same in pieces, for who edits: an edit is compiled in a quarter of the time, and the program is slower by a fifth
draft *ARGS:
    cargo build --release --config .cargo/draft.toml {{ ARGS }}

# All tests, or those whose names contain FILTER
test FILTER="":
    cargo test --release {{ FILTER }}

# Tests whose names contain FILTER with this crate unoptimised: an edit is compiled and tested in seconds
quick *FILTER:
    cargo test --release --config .cargo/draft.toml --config profile.release.package.permitwatch.opt-level=0 --lib {{ FILTER }}

# Format, lints, and the alarms' rules
lint:
    cargo fmt --check
    cargo clippy --release --all-targets -- -D warnings
    promtool check config config/prometheus/prometheus.yml
    promtool test rules config/prometheus/alerts_test.yml config/prometheus/alerts_week_test.yml

# The whole job on made-up feeds, through an embedded broker
demo *ARGS:
    cargo run --release -- demo {{ ARGS }}

# Prove the rules in queries/
check:
    cargo run --release -- check

# The rules' cases, in the engine and as a batch query
cases *ARGS:
    cargo run --release -- test {{ ARGS }}

# Would the rules' cases notice a slip in the rules?
mutants *RULES:
    cargo run --release -- test --mutants {{ RULES }}

# Measure speed, latency, memory and start-up (benches/README.md); `--quick`, `--full`
bench *ARGS:
    cargo bench --bench ladder -- {{ ARGS }}

# Measure single stages: decode, gather, each rule, diff, timers; or those whose names contain FILTER
stages FILTER="":
    cargo bench --bench stages -- {{ FILTER }}

# What is shipped: a stripped program that knows its commit, the list of its parts (SBOM), checksums
release *DIRECTORY:
    .ci/release {{ DIRECTORY }}

# Size of the program, number of its dependencies
size: build
    benches/size.sh
