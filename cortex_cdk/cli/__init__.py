"""The `cortex-cdk` command line: one small file per command."""
