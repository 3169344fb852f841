"""What gdb itself runs in a debug run of a UEFI: its commands, and what it asks of the recorder.

It is copied into the folder of the run, and imports nothing of bootharness: gdb has a Python of its
own.
"""
