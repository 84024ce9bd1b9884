FROM python:3.11-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 ravine

WORKDIR /app
COPY requirements.txt .
# On Linux the usual torch brings CUDA's libraries along, several gigabytes; pip takes the build for the CPU instead where
# it is given an index that has one: docker build --build-arg PIP_EXTRA_INDEX_URL=...
ARG PIP_EXTRA_INDEX_URL
RUN pip install --no-cache-dir -r requirements.txt

COPY --chown=ravine:ravine app.py LICENSE README.md ./
COPY --chown=ravine:ravine .streamlit .streamlit
COPY --chown=ravine:ravine pages pages
COPY --chown=ravine:ravine optim_core optim_core
COPY --chown=ravine:ravine surfaces surfaces
COPY --chown=ravine:ravine ravine ravine
COPY --chown=ravine:ravine training training
COPY --chown=ravine:ravine views views
COPY --chown=ravine:ravine static static
RUN mkdir -p /app/.numba /data && chown ravine:ravine /app /app/.numba /data

USER ravine
ENV NUMBA_CACHE_DIR=/app/.numba \
    NUMBA_THREADING_LAYER=omp \
    RAVINE_STORE=/data/runs.db \
    RAVINE_DATA=/data \
    PYTHONUNBUFFERED=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_BROWSER_SERVER_ADDRESS=localhost

# The machine code and the folder of the browser's modules are made once, at build, and only loaded when the container starts.
RUN python -m views.warm

# Runs, checkpoints and data sets outlive the container here.
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=3)"]
ENTRYPOINT ["tini", "--"]
CMD ["streamlit", "run", "app.py"]
