"""Measurements and comparisons; nothing here is part of the program."""
