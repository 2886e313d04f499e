# The service in an image: built in one stage, run in another that has its libraries and no more.
#   docker build --build-arg FRDPU_REVISION="$(git rev-parse --short=12 HEAD)" -t frdpu .
FROM debian:bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      g++ cmake ninja-build pkg-config \
      libboost1.81-dev nlohmann-json3-dev prometheus-cpp-dev libcli11-dev libssl-dev \
      libzstd-dev zlib1g-dev libdeflate-dev libisal-dev libbrotli-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Named one by one: a change elsewhere (tests, docs) does not build again.
COPY CMakeLists.txt CMakePresets.json ./
COPY core core
COPY proto proto
COPY server server
ARG FRDPU_REVISION=unknown
RUN cmake --preset release -DFRDPU_TESTS=OFF -DFRDPU_REVISION="${FRDPU_REVISION}" \
 && cmake --build --preset release --target frdpu \
 && strip build/release/frdpu

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get upgrade -y \
 && apt-get install -y --no-install-recommends \
      libzstd1 zlib1g libdeflate0 libisal2 libbrotli1 libssl3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log
COPY --from=build /src/build/release/frdpu /usr/local/bin/frdpu
ARG FRDPU_REVISION=unknown
LABEL org.opencontainers.image.title="frdpu" \
      org.opencontainers.image.description="HTTP compression service on memory pools of known size" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${FRDPU_REVISION}"
# In a container the outside is the container's own network: what is published decides who may come.
ENV FRDPU_LISTEN=0.0.0.0:8080 \
    FRDPU_ADMIN_LISTEN=0.0.0.0:8081
USER 65532:65532
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["frdpu", "healthcheck"]
ENTRYPOINT ["frdpu"]
CMD ["serve"]
