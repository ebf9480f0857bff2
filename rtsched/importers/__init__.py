"""Systems from the files users already have: SimSo, rt-app, AMALTHEA, MAST, and what other packages read."""

from __future__ import annotations

from rtsched.importers.common import ImportResult, build
from rtsched.importers.importer import Importer, import_file, importer

__all__ = ["ImportResult", "Importer", "build", "import_file", "importer"]
