"""How long ``import vidlab`` takes: the median over fresh interpreters, less an empty start."""

import statistics
import subprocess
import sys
import time

RUNS = 21
LIMIT = 0.2  # seconds


def seconds(code: str) -> float:
    """Return the median time of a fresh Python that runs some code."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print the two medians and their difference."""
    empty, full = seconds("pass"), seconds("import vidlab")
    print(f"Python alone        {empty:.3f} s")
    print(f"with import vidlab  {full:.3f} s   (medians of {RUNS})")
    verdict = "under" if full - empty < LIMIT else "OVER"
    print(f"import vidlab       {full - empty:.3f} s   {verdict} the limit of {LIMIT} s")


if __name__ == "__main__":
    main()
