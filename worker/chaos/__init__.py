"""Trouble on purpose: real traffic, a schedule of faults drawn from a seed, and an account of what is left."""
