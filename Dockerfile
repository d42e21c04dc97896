# One image for all processes: `gateway`, `lead-service`, `campaign-service` and `rollcall`.

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
# Caches do not become part of the image, hence the copy.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked --workspace --bins \
    && mkdir /out \
    && cp target/dist/gateway target/dist/lead-service target/dist/campaign-service \
        target/dist/rollcall /out/

FROM debian:bookworm-slim
# Certificates, for callbacks over https.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin rollcall
COPY --from=build /out/ /usr/local/bin/
USER rollcall
WORKDIR /tmp
EXPOSE 8080
CMD ["rollcall", "--help"]
