"""Cells: boots as values, that workers do side by side and a history keeps."""
