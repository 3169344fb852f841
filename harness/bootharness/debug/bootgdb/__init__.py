"""Runs inside gdb, whose Python may be old and has no package of ours: nothing but itself.

    facts       what bootharness knew of the boot, out of facts.json beside this package
    decode      bytes and registers as text
    guest       the stopped machine: registers, memory, mode; gdb's decoding follows the mode
    calls       the BIOS calls so far, seen at the loader's INT instructions
    places      addresses, read and written
    comparison  memory beside the files
    going       running until something is reached
    wrapping    sentences for a terminal
    commands    what the person types
    start       the beginning, and what happens around every stop

`source debug.gdb` imports `start`, with this package and its facts in the current folder.
"""
