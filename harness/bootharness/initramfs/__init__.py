"""What a kernel finds when it has booted: programs, modules and files of one's own."""
