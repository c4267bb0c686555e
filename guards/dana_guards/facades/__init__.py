"""Facades of Python modules."""
NAMES: tuple[str, ...] = ("math",)
