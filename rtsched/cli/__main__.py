"""``python -m rtsched.cli``."""

from rtsched.cli import main

main()
