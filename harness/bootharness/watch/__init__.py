"""One boot observed, from QEMU's start to the trace."""
