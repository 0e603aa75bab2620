"""Other ways to put a Python function or a TensorFlow model behind HTTP, each in an environment of its own.

A folder holds ``requirements.txt`` and ``serve.py``, which serves what the environment variables say:

- ``PORT`` on 127.0.0.1, with POST at the path in ``catalog``.
- ``PREDICTOR``: ``stub`` or ``sleep`` (see ``common/predictors.py``), or ``model``.
- ``WORKERS``: processes that predict, each one request at a time.
- ``MODEL_SERVER``, ``MODEL_NAME``: where the model is, for ``model``.
"""
