"""What people and programs are given of a boot: pure functions of the trace."""
