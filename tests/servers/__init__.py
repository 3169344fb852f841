"""Servers that are not ours, as control: the network beside which ours is measured."""
