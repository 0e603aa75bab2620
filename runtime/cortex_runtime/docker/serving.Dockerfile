# TensorFlow Serving from the account's own registry: no limits on pulls, and no change when a tag is moved.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
USER 1000:1000
