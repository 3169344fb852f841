"""What an option wants that takes a number, in words."""

import click

__all__ = ["number_wanted"]

_OF = {"MIB": " of MiB", "SECONDS": " of seconds", "PERCENT": " in percent"}


def number_wanted(error: click.UsageError) -> str | None:
    """Return what was typed wrong where a number is wanted and something else was given, else
    None."""
    if not isinstance(error, click.BadParameter) or error.param is None:
        return None
    kind, given = error.param.type, error.message.partition(" is not ")[0]
    if isinstance(kind, click.types.IntParamType):
        number = "a whole number"
    elif isinstance(kind, click.types.FloatParamType):
        number = "a number"
    else:
        return None
    of = _OF.get(str(error.param.metavar), "")
    name = max(error.param.opts, key=len)
    return f"{name} takes {number}{of}{_range(kind)}, not {given}"


def _range(kind: object) -> str:
    if not isinstance(kind, click.IntRange | click.FloatRange):
        return ""
    least, most = kind.min, kind.max
    low = "" if least is None else f" {'above' if kind.min_open else 'from'} {least:,g}"
    if most is None:
        return f"{low} up" if low and not kind.min_open else low
    if kind.max_open:
        return f"{low}{',' if low else ''} below {most:,g}"
    return f"{low} to {most:,g}" if low and not kind.min_open else f"{low} up to {most:,g}"
