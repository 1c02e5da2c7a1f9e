# syntax=docker/dockerfile:1

FROM rust:1.95-slim-trixie AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends build-essential cmake pkg-config \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
# queries are checked against the committed .sqlx, so the build needs no database
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin wirewatch \
 && cp target/release/wirewatch /usr/local/bin/wirewatch

# Debian 13: its postgresql-client is 17, for backups of servers up to that version.
FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates curl postgresql-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/wirewatch wirewatch
COPY --from=build /usr/local/bin/wirewatch /usr/local/bin/wirewatch
USER wirewatch
WORKDIR /var/lib/wirewatch
EXPOSE 8080 9464
# ready: the database answers and its schema is one that this binary can use. A container without pages (--role worker,
# digest) is asked at the listener of its metrics instead, which also says whether its loops come round: docker-compose.yml
# does so.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["wirewatch"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
