"""Boots on other computers: their files go there, and what came of them comes back."""
