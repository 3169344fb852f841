"""A kernel that is up, with somebody to talk to on it, alone or with others on one wire."""
