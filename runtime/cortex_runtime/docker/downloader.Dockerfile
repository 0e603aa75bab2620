# The image that fetches a replica's model before TensorFlow Serving starts.
# Build context: `cortex_cdk/` (the part of the package that reads models from S3), `downloader.txt`.
ARG BASE_IMAGE=public.ecr.aws/docker/library/python:3.13-slim-bookworm

FROM ${BASE_IMAGE} AS packages
COPY downloader.txt /tmp/
RUN python3 -m venv /opt/cortex && /opt/cortex/bin/python -m pip install --no-cache-dir --require-hashes -r /tmp/downloader.txt

FROM ${BASE_IMAGE}
COPY --from=packages /opt/cortex /opt/cortex
COPY cortex_cdk/ /opt/downloader/cortex_cdk/
# A volume that is mounted here begins with this folder's owner.
RUN install -d -o 1000 -g 1000 /models && chmod -R a+rX /opt/downloader && /opt/cortex/bin/python -m compileall -q /opt/downloader
ENV PATH=/opt/cortex/bin:$PATH PYTHONPATH=/opt/downloader PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /models
USER 1000:1000
CMD ["python", "-P", "-m", "cortex_cdk.model_pin", "/models"]
