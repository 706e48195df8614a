# One app node. Built from this folder: docker compose build
FROM python:3.12-slim
WORKDIR /app
COPY . .
# The same set-up as on a laptop: pinned Python and front-end packages, catalogues. Nothing is fetched after it.
RUN python tools/setup.py && rm -rf node_modules \
    && useradd --create-home --uid 10001 huiwu && mkdir /data && chown huiwu /data
USER huiwu
# What is this node's own: its lock, pictures of slips, files that a person is about to fetch.
ENV HUIWU_DATA=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT [".venv/bin/python", "app.py"]
CMD ["serve", "--http", "--host", "0.0.0.0", "--port", "8080"]
