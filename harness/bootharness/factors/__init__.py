"""What separates the kernels that boot from those that do not."""
