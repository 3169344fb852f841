"""A boot in gdb: the machine, the stop, the files of a session, and gdb's own commands."""
