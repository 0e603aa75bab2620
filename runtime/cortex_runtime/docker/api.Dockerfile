# The image of a project's APIs: the runtime, the project, and what its requirements.txt and dependencies.sh install.
# Build context: `cortex_runtime/`, `project/`, `dependencies/` (those two files of the project, if it has them).
ARG BASE_IMAGE=public.ecr.aws/docker/library/python:3.13-slim-bookworm
# `minimal`, or `full` with the packages that Cortex had pre-installed.
ARG VARIANT=minimal

FROM ${BASE_IMAGE} AS packages
COPY cortex_runtime/docker/runtime.txt /tmp/
RUN python3 -m venv /opt/cortex && /opt/cortex/bin/python -m pip install --no-cache-dir --require-hashes -r /tmp/runtime.txt

FROM packages AS full-packages
COPY cortex_runtime/docker/full.txt /tmp/
RUN /opt/cortex/bin/python -m pip install --no-cache-dir --require-hashes -r /tmp/full.txt

FROM ${BASE_IMAGE} AS minimal
COPY --from=packages /opt/cortex /opt/cortex

FROM ${BASE_IMAGE} AS full
COPY --from=full-packages /opt/cortex /opt/cortex

FROM ${VARIANT}
ENV PATH=/opt/cortex/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /project
COPY dependencies/ /tmp/dependencies/
RUN cd /tmp/dependencies \
    && if [ -f dependencies.sh ]; then bash dependencies.sh; fi \
    && if [ -f requirements.txt ]; then python -m pip install --no-cache-dir -r requirements.txt; fi \
    && rm -rf /tmp/dependencies
COPY cortex_runtime/ /opt/cortex/runtime/cortex_runtime/
COPY project/ /project/
# Readable for whom it runs as, whatever the modes on the user's disk; compiled here, since it may not write there.
RUN echo /opt/cortex/runtime > "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/cortex.pth" \
    && chmod -R a+rX /opt/cortex/runtime /project \
    && python -m compileall -q /opt/cortex/runtime /project
USER 1000:1000
EXPOSE 8080
CMD ["python", "-P", "-m", "cortex_runtime"]
