# One-line recipes for people; the logic is in xtask.

# Everything CI checks before the tests.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo xtask tidy
    cargo doc --workspace --no-deps

# All that fits CI.
test *ARGS:
    cargo xtask test {{ARGS}}

# From nothing to a tenant's Deployment.
demo:
    cargo xtask demo

# Writes the generated CRD YAML.
crds:
    cargo xtask crds

# Writes docs/pod-fields.md from the tables in translate.
pod-fields:
    WARREN_WRITE_DOCS=1 cargo test -p warren-translate --lib kinds::pod::fields

# Ends the embedded host.
down:
    cargo xtask host down
