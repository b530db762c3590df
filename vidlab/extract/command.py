"""The command line of ``vidlab extract``."""

import argparse
import sys

from vidlab.extract.finding import VIDEO_SUFFIXES
from vidlab.extract.many import extract
from vidlab.video.errors import VideoError, printable
from vidlab.video.sampling import SAMPLINGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``vidlab extract``."""
    parser.description = (
        "Turn videos into arrays: each becomes OUT/<its relative path>.npz with frames, times, "
        "source and fps; OUT/manifest.csv tells what came of each. A second run does only what "
        "is missing or changed."
    )
    parser.epilog = (
        "Exit status: 0 if every video is extracted, 1 if some could not be (now or in an earlier "
        "run), 130 if interrupted; the same command then goes on where it stopped. Files in "
        f"folders are known by their suffix: {' '.join(sorted(VIDEO_SUFFIXES))}."
    )
    parser.add_argument("inputs", nargs="+", metavar="IN", help="video files and folders of them")
    parser.add_argument("output", metavar="OUT", help="folder for the arrays and the manifest")
    parser.add_argument(
        "--size",
        type=_parse_size,
        default=64,
        help="side of the square frames in pixels, or HEIGHTxWIDTH (default: 64)",
    )
    parser.add_argument(
        "--num-frames", type=int, default=16, help="frames from each video (default: 16)"
    )
    parser.add_argument(
        "--sampling",
        choices=SAMPLINGS,
        default="uniform",
        help="which frames, see vidlab.video.read_frames (default: uniform)",
    )
    parser.add_argument("--jobs", type=int, help="processes at once (default: one per core)")
    parser.add_argument(
        "--force", action="store_true", help="extract everything again, also what failed before"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing but what failed")


def run(args: argparse.Namespace) -> int:
    """Run ``vidlab extract`` and return its exit status."""
    try:
        report = extract(
            args.inputs,
            args.output,
            size=args.size,
            num_frames=args.num_frames,
            sampling=args.sampling,
            jobs=args.jobs,
            force=args.force,
            progress=not args.quiet,
        )
    except VideoError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "Interrupted. What is finished is kept; run the same command again to go on.",
            file=sys.stderr,
        )
        return 130
    for source, reason in report.failures:
        print(f"failed: {printable(source)}: {reason}", file=sys.stderr)
    if not args.quiet:
        print(report)
    return 1 if report.failures else 0


def _parse_size(text: str) -> int | tuple[int, int]:
    sides = tuple(int(side) for side in text.lower().split("x"))
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])
