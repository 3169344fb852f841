"""What BIOSes do that QEMU's does not: one file for each behaviour, and one table."""
