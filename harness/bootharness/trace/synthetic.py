"""What is known of the synthetic kernel, images/selfcheck.asm, wherever its code is seen."""

__all__ = ["NOT_ENTERED"]

NOT_ENTERED = "81f973656c667502ffe3faf4ebfd"
"""The code, in hex, in which the CPU is halted that came to its payload past its setup part."""
