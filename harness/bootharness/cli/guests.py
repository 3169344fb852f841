"""What `initramfs` and `shell` have in common: what is to be in a guest."""

from bootharness.plan import GuestPlan
from bootharness.plan.option import options_of

__all__ = ["IN_GUESTS", "OF_GUESTS"]

OF_GUESTS = tuple(each.name for each in options_of(GuestPlan))
"""Options of a plan, by their fields' names."""
IN_GUESTS = ("manifests", "programs", "modules", "module_folder")
"""Those of them that say what is in its archive."""
