"""A tiny made-up chapter 98 with its checks, for the tests of the course machinery."""

import atexit
import os
import tempfile
from functools import cache
from pathlib import Path

from vidlab.course import checks
from vidlab.course.build import build
from vidlab.course.source import Chapter

SOURCE = '''\
# %% [markdown]
# # 98 · Sample
#
# ![A dot](dot.png)
#
# After this chapter you can test the machinery. Builds on nothing. Run time: {{run_time}}.

# %% tags=["setup"]
import sys

import numpy as np

from vidlab.course import check

# %% [markdown]
# ## 1 Baseline first

# %%
print("chatter", file=sys.stderr)
print(np.arange(3), object())

# %% [markdown]
# ## 2 Exercises

# %% exercise="98.double"
def double(numbers):
    """Twice the numbers."""
    ### BEGIN SOLUTION
    return 2 * numbers
    ### END SOLUTION


# %%
check("98.double", double)

# %% exercise="98.count"
count = ...
### BEGIN SOLUTION
count = 6
### END SOLUTION

# %%
check("98.count", count)

# %% exercise="98.repair"
def last_axis(array):
    ### BEGIN SOLUTION
    return array.shape[-1]
    ### LEARNER GETS
    # return array.shape[0]
    ### END SOLUTION


# %%
check("98.repair", last_axis)

# %% exercise="98.sorted"
def in_order(numbers):
    ### BEGIN SOLUTION
    return np.sort(numbers)
    ### END SOLUTION


# %%
check("98.sorted", in_order)

# %% [markdown]
# Why is sorting slow?

# %% [markdown] question="98.why"
# Because every comparison costs.
'''

CHECKS = '''\
"""Checks of the made-up chapter."""

import numpy as np

from vidlab.course import exercise, expect, expect_close, expect_equal


@exercise("98.double", title="Twice", points=2, hints=("How often?", "Twice.", "2 * numbers"))
def double(answer, rng):
    numbers = rng.normal(size=5)
    expect(np.shape(answer(numbers)) == (5,), "the shape stays", given=numbers)
    expect_close(answer(numbers), 2 * numbers, "all are doubled", given=numbers, hint="Use 2 *.")


@exercise("98.count", title="Six", hints=("More than five.", "Fewer than seven."))
def count(answer, rng):
    expect_equal(answer, 6, "there are six")


@exercise("98.repair", title="Repair", hints=("Which axis?", "The last one: -1."))
def repair(answer, rng):
    shape = tuple(int(n) for n in rng.integers(1, 4, 3)) + (7,)
    expect(answer(np.zeros(shape)) == 7, "the last axis counts", given=f"shape {shape}")


@exercise("98.sorted", title="Sort", hints=("Which comes first?", "np.sort"))
def in_order(answer, rng):
    numbers = rng.permutation(9)
    expect_equal(answer(numbers), np.arange(9), "they are in order", given=numbers)
'''


def write_sample(root: Path, source: str = SOURCE) -> Chapter:
    """The sample chapter's source in ``root``; its checks are found by this process and kernels."""
    chapter = Chapter("98", "sample", root)
    chapter.source.parent.mkdir(parents=True, exist_ok=True)
    chapter.source.write_text(source)
    (root / "notebooks" / "dot.png").write_bytes(b"")
    use_checks()
    return chapter


@cache
def use_checks() -> Path:
    """Put the sample's checks where the course looks for them; chapter 98 exists nowhere else."""
    folder = _folder("vidlab-checks-")
    (folder / "ch98.py").write_text(CHECKS)
    checks.__path__.append(str(folder))
    os.environ["VIDLAB_CHECKS_PATH"] = str(folder)
    return folder


@cache
def built_sample() -> Chapter:
    """The sample chapter, built once per test run. Copy its notebooks before changing them."""
    chapter = write_sample(_folder("vidlab-sample-"))
    build(chapter)
    return chapter


def _folder(prefix: str) -> Path:
    """A folder that goes when the test run ends: both caches outlive every fixture."""
    folder = tempfile.TemporaryDirectory(prefix=prefix)
    atexit.register(folder.cleanup)
    return Path(folder.name)
