"""One boot as a page: everything that happened in it on one axis."""
