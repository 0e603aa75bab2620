"""Measurements of runtime, simulator and scaler: ``make bench``. Figures, never verdicts; no test depends on them."""
