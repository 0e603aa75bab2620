"""One version of a model for all replicas of a deployment: choosing it once, and fetching just that.

``pin`` runs where a deployment is made: at synth, or as the custom resource in ``handler``. ``fetch`` runs in each
replica, as ``python -m cortex_cdk.model_pin``.
"""
