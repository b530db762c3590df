"""``python -m vidlab``: the same as the command ``vidlab``."""

from vidlab.cli import main

raise SystemExit(main())
