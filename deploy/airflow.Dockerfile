# Airflow with the DAGs: API server, scheduler, DAG processor, triggerer, workers and migrations. Without ATDB's API.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE} AS build
RUN python -m venv /opt/build && /opt/build/bin/pip install --quiet --no-cache-dir uv==0.13.9 && python -m venv --without-pip /opt/venv
COPY requirements-airflow.txt /opt/atdb/
RUN /opt/build/bin/uv pip install --quiet --no-cache --compile-bytecode --python /opt/venv/bin/python \
    --require-hashes --requirements /opt/atdb/requirements-airflow.txt
WORKDIR /opt/atdb
COPY pyproject.toml README.md ./
COPY atdb_interface atdb_interface
COPY atdb_plugins atdb_plugins
COPY dags dags
COPY operators operators
COPY sql sql
COPY standalone standalone
RUN /opt/build/bin/uv pip install --quiet --no-cache --python /opt/venv/bin/python --no-deps --no-build-isolation --editable . \
    && /opt/venv/bin/python -m compileall -q . && chmod -R a+rX .  # the checkout may be readable for its owner only

FROM ${PYTHON_IMAGE}
# The mount points of the volumes; a new volume gets the owner and mode of its folder.
RUN groupadd --gid 10001 atdb && useradd --uid 10001 --gid atdb --no-create-home --home-dir /tmp atdb \
    && install -d -m 700 -o atdb -g atdb /var/lib/atdb /var/lib/atdb/data /var/lib/atdb/archive /var/lib/atdb/logs && chmod 711 /var/lib/atdb
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/atdb /opt/atdb
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 ATDB_STATE=/var/lib/atdb
WORKDIR /opt/atdb
USER 10001:10001
ENTRYPOINT ["python", "-m", "standalone.containers.entry_point"]
ARG VERSION=unknown
ARG COMMIT=unknown
LABEL org.opencontainers.image.title=atdb-airflow org.opencontainers.image.version=${VERSION} org.opencontainers.image.revision=${COMMIT}
