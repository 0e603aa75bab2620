"""Measurements of the runtime: ``make bench``. Figures, never verdicts; tests do not depend on them."""
