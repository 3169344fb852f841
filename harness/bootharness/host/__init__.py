"""The computer that we run on: its tools, its files, its terminal, its time."""
