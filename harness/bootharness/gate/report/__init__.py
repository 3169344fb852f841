"""What a gate found, for people and for the programs that they use."""
