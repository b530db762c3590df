"""Videos to arrays on disk: ``vidlab extract IN... OUT``, or ``extract(inputs, output)``.

Every video becomes one ``.npz`` of its sampled frames, and ``OUT/manifest.csv`` says what came of
each. Work is spread over processes, one decoding thread each. A second run does only what is
missing or changed; an interrupted run leaves nothing half-written and is simply started again.

The parts: ``finding`` (which files), ``single`` (one video), ``manifest`` (what is known),
``workers`` (many processes), ``many`` (all together), ``command`` (the command line).
"""

from vidlab.extract.command import add_arguments, run
from vidlab.extract.finding import VIDEO_SUFFIXES, Job, find_videos
from vidlab.extract.manifest import Record, Settings, read_manifest
from vidlab.extract.many import Report, extract
from vidlab.extract.single import extract_one

__all__ = [
    "VIDEO_SUFFIXES",
    "Job",
    "Record",
    "Report",
    "Settings",
    "add_arguments",
    "extract",
    "extract_one",
    "find_videos",
    "read_manifest",
    "run",
]
