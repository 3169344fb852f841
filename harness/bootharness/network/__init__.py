"""A network to boot from: a wire of our own, what is served on it, and what goes wrong on it."""
