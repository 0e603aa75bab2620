"""The runtime of one replica: an HTTP front, predictor workers, and a client of TensorFlow Serving.

This package is what runs in the container and under ``cortex-cdk serve``. It imports nothing of ``cortex_cdk`` and
never imports TensorFlow.
"""
