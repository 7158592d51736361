"""Imported before modules of tests/scenario: they are found from here on, however a test of this folder is started."""
import pathlib
import sys

FOLDER = str(pathlib.Path(__file__).resolve().parent.parent / "scenario")
if FOLDER not in sys.path:
    sys.path.insert(1, FOLDER)
