"""Boot every kernel build the way a real PC does, and say why a boot failed."""
