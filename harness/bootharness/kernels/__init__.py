"""Where a kernel comes from, and what it is booted with."""
