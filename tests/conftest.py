"""Fixtures that several test modules share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_clips() -> Path:
    """The folder of real footage beside the checkout; tests that need it skip without it."""
    folder = Path(os.environ.get("VIDLAB_SHARED_CLIPS", ROOT.parent / "shared" / "clips"))
    if not folder.is_dir():
        pytest.skip(f"needs the real footage in {folder} (set VIDLAB_SHARED_CLIPS to its folder)")
    return folder
