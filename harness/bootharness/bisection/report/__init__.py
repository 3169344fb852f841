"""A hunt for people and programs: terminal, JSON, HTML, Markdown."""
