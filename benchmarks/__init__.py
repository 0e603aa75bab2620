"""Measurements of runtime, command line, simulator and scaler: ``make bench``. No test depends on their figures."""
