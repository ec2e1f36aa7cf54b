# Images of Warren's own processes, for people who have Docker; `cargo xtask images` makes the same without it.
#   docker build --target operator -t ghcr.io/warren-dev/operator:0.1.0 .      (likewise syncer, vkubelet)
# Both bases are the same Debian, so that the programs find the C library they were linked with.

FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
# For the allocator of the agents, which is C.
RUN apt-get update && apt-get install --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*
COPY . .
# The cache mounts keep dependencies between builds; what is copied out of them stays.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package warren-operator --package warren-syncer --package warren-vkubelet \
    && mkdir /out \
    && cp target/release/warren-operator target/release/warren-syncer target/release/warren-vkubelet /out/

FROM debian:12.11-slim AS base
# No name, no home, no shell needed: a number is enough, and lets Kubernetes check runAsNonRoot.
USER 65532:65532

FROM base AS operator
COPY --from=build /out/warren-operator /usr/local/bin/warren-operator
ENTRYPOINT ["/usr/local/bin/warren-operator"]

FROM base AS syncer
COPY --from=build /out/warren-syncer /usr/local/bin/warren-syncer
ENTRYPOINT ["/usr/local/bin/warren-syncer"]

FROM base AS vkubelet
COPY --from=build /out/warren-vkubelet /usr/local/bin/warren-vkubelet
ENTRYPOINT ["/usr/local/bin/warren-vkubelet"]
