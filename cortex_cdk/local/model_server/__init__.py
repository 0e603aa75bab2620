"""A gRPC server that answers as TensorFlow Serving does, for machines without ``tensorflow_model_server``.

Run it with ``python -m cortex_cdk.local.model_server --address ADDR --model NAME=PATH ...``. It needs TensorFlow, which
comes with ``pip install 'cortex-cdk[local]'``; importing this package does not import it.
"""
