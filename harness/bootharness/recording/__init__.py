"""A boot that was recorded, and can be played forwards and backwards."""
