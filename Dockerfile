# One image for web, worker, beat, migrations and the simulator: docker-compose.yml says which command each one runs.
# No setting and no secret is built in; all of them come from the environment, or from files named by NAME_FILE.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/venv
WORKDIR /app
# Dependencies first: they change less often than the code, and this layer is then reused. Wheels only, so that no
# compiler is needed and no build script of a stranger runs. The lock is complete and every file in it has its hash.
COPY requirements/base.txt requirements/base.txt
RUN /opt/venv/bin/python -m pip install --only-binary=:all: --no-deps --require-hashes -r requirements/base.txt
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY models models
COPY tasks tasks
COPY worker worker
# Editable: names like `models` are too general to live in site-packages. Built with the pinned setuptools, offline.
RUN /opt/venv/bin/python -m pip install --no-deps --no-build-isolation --no-index --editable . \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib /app

FROM python:${PYTHON}-slim
# A fixed number, so that a mounted secret can be given to it: `chown 10001`. It owns nothing in the image but the place of
# the spool: a new volume mounted there takes over its owner. Without a volume it is as lasting as the container.
RUN groupadd --system --gid 10001 reconciler \
    && useradd --system --uid 10001 --gid reconciler --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin reconciler \
    && install -d -m 0700 -o reconciler -g reconciler /var/lib/reconciler/spool
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
EXPOSE 8000
# Whether the process answers, not whether it can store: that is /readyz, and a restart would not cure it. http.client,
# because urllib would send even this through an HTTP_PROXY. Worker and beat have checks of their own in the compose file.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
# Stopping: new connections are refused at once, requests under way get their answers. Run with an init (`--init`).
CMD ["uvicorn", "--factory", "worker.server:create_app", "--host", "0.0.0.0", "--port", "8000", "--http", "worker.web.quick:QuickProtocol", "--no-access-log", "--timeout-graceful-shutdown", "10"]
