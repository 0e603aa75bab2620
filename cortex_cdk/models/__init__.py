"""Exported TensorFlow models: their layout on disk and in S3, archives, signatures."""
