"""cortex_cdk: TensorFlow models behind autoscaled HTTP endpoints in one's own AWS account."""
