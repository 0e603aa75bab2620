"""The page of ``cortex-cdk serve`` at ``/_console``: what its replicas do, and what the scaler would make of it.

``replica_side`` runs in each replica's front process and sends what it measures over a Unix socket; ``console`` runs in
the process of ``cortex-cdk serve``, keeps ten minutes of it and serves the page and its events. Whoever asks is checked
by ``access``. A project with a single API has no router before its replica: there the replica hands requests for the
page on (``forward``), and every other request takes the way that it would take in a container.
"""
