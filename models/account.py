"""Accounts: LigdiCash projects. Every transaction belongs to one, and is asked about with its keys alone."""

from __future__ import annotations

DEFAULT = "default"
"""The account of the plain settings, and of every row that was written before there were others."""
