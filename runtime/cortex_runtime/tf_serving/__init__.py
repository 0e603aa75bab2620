"""Talking to TensorFlow Serving: messages without TensorFlow, tensors as numpy arrays, and the predictor's client."""
