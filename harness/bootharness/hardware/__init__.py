"""A real machine: its serial line, its plug, its wire."""
