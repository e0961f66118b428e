"""Filter expressions as in AIP-160 (google.aip.dev/160): text to tree, or where the text is wrong.

OR binds closer than AND, as AIP-160 has it. Beside AIP-160 there is `attribute IN (a, b)`;
functions, wildcards and bare words without an attribute are not taken.
"""

from __future__ import annotations

import re
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken

from shortlist.server.errors import FilterSyntax
from shortlist.server.filters.tree import And, Comparison, Literal, Node, Not, Or, Value

BYTES_MAX = 4096
DEPTH_MAX = 32
VALUES_MAX = 500  # comparisons and listed values of one filter

_GRAMMAR = r"""
    ?start: expression
    ?expression: factor (_AND factor)*           -> both
    ?factor: term (_OR term)*                    -> either
    ?term: simple
         | (_NOT | _MINUS) simple                -> negated
    ?simple: restriction | "(" expression ")"
    restriction: name COMPARATOR value           -> comparison
               | name ":" value                  -> has
               | name ":" "*"                    -> present
               | name _IN "(" value ("," value)* ")" -> listed
    name: NAME | STRING
    value: STRING | NUMBER | TIME | NAME
    COMPARATOR: "<=" | ">=" | "!=" | "=" | "<" | ">"
    _AND.3: /AND(?![\w.])/
    _OR.3: /OR(?![\w.])/
    _NOT.3: /NOT(?![\w.])/
    _IN.3: /IN(?![\w.])/
    _MINUS: "-"
    TIME.2: /\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?/
    NUMBER.1: /[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?(?!\w)/
    NAME: /[^\W\d][\w.]*/
    STRING: /"([^"\\]|\\.)*"|'([^'\\]|\\.)*'/
    %ignore /\s+/
"""
_PARSER = Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def parse_filter(text: str, field: str = "filter") -> Node:
    """Return the tree. Raises FilterSyntax, which points at the character."""
    size = len(text.encode())
    if size > BYTES_MAX:
        problem = f"has {size} bytes; at most {BYTES_MAX} are allowed"
        raise FilterSyntax(field, problem, found=size, limit=BYTES_MAX)
    _check_depth(text, field)
    try:
        builder = _Builder()
        node: Node = builder.transform(_PARSER.parse(text))
    except UnexpectedInput as problem:
        raise _unexpected(text, problem, field) from None
    found = builder.value_count
    if found > VALUES_MAX:
        reason = f"has {found} comparisons and values; at most {VALUES_MAX} are allowed"
        raise FilterSyntax(field, reason, found=found, limit=VALUES_MAX)
    return node


def _check_depth(text: str, field: str) -> None:
    """Refuse deep nesting before anything recurses into it."""
    depth = 0
    for position, character in enumerate(_QUOTED.sub(lambda found: "x" * len(found[0]), text)):
        depth += (character == "(") - (character == ")")
        if depth > DEPTH_MAX:
            problem = f"nests deeper than {DEPTH_MAX} parentheses at character {position}"
            raise FilterSyntax(field, problem, position=position, limit=DEPTH_MAX)


def _unexpected(text: str, problem: UnexpectedInput, field: str) -> FilterSyntax:
    position: int = -1 if problem.pos_in_stream is None else problem.pos_in_stream
    ended = isinstance(problem, UnexpectedToken) and problem.token.type == "$END"
    if ended or not 0 <= position < len(text):
        return FilterSyntax(field, "ends too early", position=len(text), found=text)
    shown = text[position : position + 20]
    what = f"cannot be read at character {position}: {shown!r}"
    return FilterSyntax(field, what, position=position, found=text)


class _Builder(Transformer[Token, Node]):
    """Makes the tree; counts what it will cost to evaluate."""

    def __init__(self) -> None:
        super().__init__()
        self.value_count = 0

    def both(self, parts: list[Node]) -> Node:
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def either(self, parts: list[Node]) -> Node:
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def negated(self, parts: list[Node]) -> Node:
        return Not(parts[0])

    def name(self, tokens: list[Token]) -> Token:
        token = tokens[0]
        return token.update(value=_unquoted(token)) if token.type == "STRING" else token

    def value(self, tokens: list[Token]) -> Literal:
        token = tokens[0]
        text = _unquoted(token) if token.type == "STRING" else str(token)
        return Literal(_value_of(token.type, text), text, token.start_pos or 0)

    def comparison(self, parts: list[Any]) -> Node:
        name, operator, value = parts
        return self._compared(name, str(operator), value)

    def has(self, parts: list[Any]) -> Node:
        return self._compared(parts[0], ":", parts[1])

    def present(self, parts: list[Any]) -> Node:
        return self._compared(parts[0], "*")

    def listed(self, parts: list[Any]) -> Node:
        return self._compared(parts[0], "=", *parts[1:])

    def _compared(self, name: Token, operator: str, *values: Literal) -> Comparison:
        self.value_count += max(1, len(values))
        return Comparison(str(name), operator, values, name.start_pos or 0)


def _unquoted(token: Token) -> str:
    return _ESCAPE.sub(r"\1", token[1:-1])


def _value_of(kind: str, text: str) -> Value:
    if kind == "NUMBER":
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    if kind == "NAME" and text in ("true", "false"):
        return text == "true"
    return text
