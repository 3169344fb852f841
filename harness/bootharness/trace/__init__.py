"""All that was seen in one boot, as frozen values that every other room reads."""
