"""The peak of a process is its own."""

import subprocess
import sys

PEAK = "from benchmarks.peak_memory import peak_memory_mb, forget_peak; "


def run(code: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", PEAK + code], capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def test_what_was_freed_counts_until_the_peak_is_forgotten():
    before, peak, after = run(
        "print(peak_memory_mb()); block = bytearray(150_000_000); del block; print(peak_memory_mb());"
        "forget_peak(); print(peak_memory_mb())"
    )
    assert 140 < peak - before < 170
    assert after < peak - 140


def test_a_process_does_not_begin_with_the_peak_of_the_one_that_started_it():
    parent, child = run(
        "import subprocess, sys; block = bytearray(150_000_000); print(peak_memory_mb(), flush=True);"
        f"subprocess.run([sys.executable, '-c', {PEAK + 'print(peak_memory_mb())'!r}], check=True)"
    )
    assert parent > 150
    assert child < 100
