"""Serving on this machine: the model server, and the runtime as child processes."""
