"""Byte layouts: pure parsers and builders, no files and no processes."""
