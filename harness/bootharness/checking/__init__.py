"""A loader, tried on every machine that a BIOS may make of a PC."""
