"""What brings a kernel to a machine."""
