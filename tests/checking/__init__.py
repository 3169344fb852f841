"""Loaders that are checked."""
