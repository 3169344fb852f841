"""The page docs/causes.md, made from the table of causes."""

from bootharness.diagnosis.causes import CAUSES

__all__ = ["causes_page"]

_INTRODUCTION = """\
# Causes

What `bootharness` says when a boot is not good. The ids are stable: scripts and bisects may
rely on them. Where several hold, the earliest in a boot is the cause and the others are
listed as its consequences. `bootharness explain CAUSE` prints one of these.

This page is made by `make docs`.
"""

_KINDS = {
    "bad": "## The boot is bad: exit status 1",
    "skip": "## We could not find out: exit status 125",
}


def causes_page() -> str:
    """Return the page in Markdown."""
    parts = [_INTRODUCTION]
    for verdict, heading in _KINDS.items():
        parts.append(heading + "\n")
        parts += [
            f"### `{cause.name}`\n\n{cause.meaning}\n\n- Shown by: {cause.evidence}.\n"
            f"- What to do: {cause.advice}\n"
            for cause in CAUSES.values()
            if cause.verdict == verdict
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    print(causes_page(), end="")
