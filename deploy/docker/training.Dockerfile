# Training and retraining: `thinkgate train`, `evaluate`, `retrain`. Never in the path of a request.
#   docker build -f deploy/docker/training.Dockerfile -t thinkgate-training .
#   docker run --rm -v "$PWD/data:/data:ro" -v "$PWD/out:/work" thinkgate-training train /data/history.parquet --out bundle
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/thinkgate
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY .ci/constraints.txt .ci/
COPY serving serving
COPY training training
RUN /opt/thinkgate/bin/pip install --no-cache-dir --disable-pip-version-check \
    --constraint .ci/constraints.txt ".[train]"

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="thinkgate-training" \
      org.opencontainers.image.licenses="Apache-2.0"
# LightGBM needs OpenMP's runtime.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 thinkgate \
    && useradd --system --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin thinkgate \
    && install --directory --owner=10001 --group=10001 --mode=0750 /work
COPY --from=build /opt/thinkgate /opt/thinkgate
ENV PATH=/opt/thinkgate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    MPLBACKEND=Agg \
    ORT_DISABLE_TELEMETRY=1 \
    MLFLOW_DISABLE_TELEMETRY=true
VOLUME /work
WORKDIR /work
USER 10001:10001
# A job, not a service: it ends by itself.
HEALTHCHECK NONE
ENTRYPOINT ["thinkgate"]
CMD ["--help"]
