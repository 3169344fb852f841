"""What the fields of our values mean, as the source says it: a text behind each field."""

import ast
import inspect
import textwrap
import typing
from collections.abc import Iterator

from msgspec import Struct

__all__ = ["Attribute", "attributes", "field_meanings", "structs_in"]


class Attribute(Struct, frozen=True):
    """A public field, property or method of a value: how it is written, its type, its meaning."""

    name: str
    type: str
    meaning: str


def field_meanings(kind: type[Struct]) -> dict[str, str]:
    """Return what is said of fields, by their names."""
    return {each.name: each.meaning for each in attributes(kind)
            if each.name in kind.__struct_fields__ and each.meaning}  # fmt: skip


def attributes(kind: type) -> list[Attribute]:
    """Return what is public of a class, in the order of its source."""
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(found, ast.ClassDef)
    return [*_attributes(found.body)]


def _attributes(body: list[ast.stmt]) -> Iterator[Attribute]:
    for each, behind in zip(body, [*body[1:], None], strict=True):
        match each:
            case ast.AnnAssign(target=ast.Name(id=name)) if not _is_constant(each):
                yield Attribute(name, ast.unparse(each.annotation).strip("'"), _text(behind))
            case ast.FunctionDef(name=name) if not name.startswith("_"):
                marks = {ast.unparse(mark) for mark in each.decorator_list}
                if marks & {"classmethod", "staticmethod"}:
                    continue
                given = ", ".join(argument.arg for argument in each.args.args[1:])
                call = "" if marks & {"property", "cached_property"} else f"({given})"
                kind = ast.unparse(each.returns).strip("'\"") if each.returns else ""
                yield Attribute(name + call, kind, _first(ast.get_docstring(each) or ""))


def _is_constant(field: ast.AnnAssign) -> bool:
    return ast.unparse(field.annotation).startswith("ClassVar")


def _text(behind: ast.stmt | None) -> str:
    match behind:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
    return ""


def _first(text: str) -> str:
    """Return the first paragraph, in one line."""
    return " ".join(text.partition("\n\n")[0].split())


def structs_in(kind: object) -> set[type[Struct]]:
    """Return the values that a value is made of, itself among them."""
    found: set[type[Struct]] = set()
    todo = [kind]
    while todo:
        each = todo.pop()
        todo += typing.get_args(each)
        if isinstance(each, type) and issubclass(each, Struct) and each not in found:
            found.add(each)
            todo += typing.get_type_hints(each).values()
    return found
