"""
Tables of runs. `writing` keeps the rows that a request brings, each once; `reading` gives them back in the order in which
they were logged, a page at a time.
"""

from runs.tables.reading import Page, Stretch, first, latest, read
from runs.tables.writing import Cell, Entry, Row, append

__all__ = ["Cell", "Entry", "Page", "Row", "Stretch", "append", "first", "latest", "read"]
