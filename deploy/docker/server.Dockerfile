# The server alone: no training dependency, no compiler, no shell script, no root.
#   docker build -f deploy/docker/server.Dockerfile -t thinkgate-server .
#   docker compose -f deploy/docker/compose.yaml up          (read-only root, no capabilities)
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/thinkgate
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY .ci/constraints.txt .ci/
COPY serving serving
COPY training training
RUN /opt/thinkgate/bin/pip install --no-cache-dir --disable-pip-version-check --constraint .ci/constraints.txt . \
    && /opt/thinkgate/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="thinkgate-server" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 thinkgate \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin thinkgate \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/thinkgate
COPY --from=build /opt/thinkgate /opt/thinkgate
COPY deploy/docker/healthcheck.py /opt/thinkgate/healthcheck.py
ENV PATH=/opt/thinkgate/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    ORT_DISABLE_TELEMETRY=1 \
    THINKGATE_HOST=0.0.0.0 \
    THINKGATE_LOG_FORMAT=json
# Written to: the journal and its spool. All else may be read-only.
VOLUME /var/lib/thinkgate
WORKDIR /var/lib/thinkgate
USER 10001:10001
EXPOSE 8080 9090
# With client certificates (--tls-client-ca) this check can't connect: turn it off and probe from outside.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "/opt/thinkgate/healthcheck.py"]
# 0.0.0.0 is refused unless THINKGATE_KEYS or THINKGATE_TLS_CLIENT_CA is set: an open server can't be started by accident.
ENTRYPOINT ["thinkgate-server"]
