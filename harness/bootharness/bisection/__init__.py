"""From "this one booted, that one does not" to the first bad one, and why.

Three things that do not know each other: a range (what is ordered), a judge (a boot and its
diagnosis) and a search (what to try next, and what is known by now).
"""
