"""Makes its tables: `python -m bench.usual.tables`."""

from __future__ import annotations

from bench.usual.jobs import books

if __name__ == "__main__":
    books().make_tables()
