"""What the harness costs: its times beside those of bare QEMU, measured in interleaved pairs."""
