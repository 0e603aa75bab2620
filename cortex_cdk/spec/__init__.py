"""`cortex.yaml` as validated, typed specs."""
