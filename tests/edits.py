"""Edits of Python sources as people make them: other words in messages, other numbers."""

import ast
import re
from collections.abc import Iterator

_QUOTES = re.compile(r"[rfRF]{0,2}(?:\"{3}|'{3}|\"|')")


def edit_messages(source: str) -> str:
    """Add a word to each string of a source's log calls, raised errors and docstrings."""
    texts = (node for text in _find_texts(ast.parse(source)) for node in _walk(text))
    places = {
        _QUOTES.match(source, _find_start(source, node)).end()
        for node in texts
        if isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    }
    return _insert(source, places, "edited ")


def edit_numbers(source: str) -> str:
    """Add one to each number of a source that is in no message."""
    tree = ast.parse(source)
    said = {node for text in _find_texts(tree) for node in _walk(text)}
    places = {
        _find_start(source, node)
        for node in set(_walk(tree)) - said
        if isinstance(node, ast.Constant) and type(node.value) in (int, float)
    }
    return _insert(source, places, "1 + ")


def _insert(source: str, places: set[int], word: str) -> str:
    for place in sorted(places, reverse=True):
        source = source[:place] + word + source[place:]
    return source


def _find_texts(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Raise()
                | ast.Call(func=ast.Attribute(value=ast.Name("log")))
                | ast.Expr(ast.Constant(str()))
            ):
                yield node


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    # What is in an f-string has no place of its own before Python 3.12.
    if not isinstance(node, ast.JoinedStr):
        for inside in ast.iter_child_nodes(node):
            yield from _walk(inside)


def _find_start(source: str, node: ast.Constant | ast.JoinedStr) -> int:
    lines = source.encode().splitlines(keepends=True)
    before = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
    return len(before.decode())
