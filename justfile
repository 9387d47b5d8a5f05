# Each recipe is one line over cargo: `just` is a convenience, nothing needs it.

# List the recipes
default:
    @just --list

# Everything that must hold before a change lands
test:
    cargo xtask test

# The same without real servers
fast:
    cargo xtask test --fast

# Format the code
format:
    cargo fmt --all

# Lints, as the tests run them
lint:
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# Licences, banned crates and sources (needs cargo-deny)
deny:
    cargo deny check bans licenses sources

# The API documentation
doc:
    cargo doc --workspace --no-deps --open

# The guides, as a book (needs mdbook)
book:
    mdbook serve docs --open

# Micro-benchmarks of what runs for each key, request or byte
micro:
    cargo bench --workspace --features bench --bench '*'

# The servers that the tests run against
install:
    cargo xtask testbed install

# An S3 server in memory, with a bucket `source` and a bucket `destination`
s3 *ARGS:
    cargo xtask testbed s3 --bucket source --bucket destination {{ARGS}}

# The quickstart: one directory to three destinations
quickstart *ARGS:
    cargo run --release --bin solgate -- --config examples/quickstart/config.ini sync {{ARGS}}
