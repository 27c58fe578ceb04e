"""SCPI: a message taken apart, a tree of headers, parameters, and the error queue.

After IEEE 488.2 and SCPI-1999 volume 1, as far as the instruments here need it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Handler = TypeVar("Handler")

MESSAGES = {
    0: "No error",
    -100: "Command error",
    -101: "Invalid character",
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -131: "Invalid suffix",
    -141: "Invalid character data",
    -200: "Execution error",
    -211: "Trigger ignored",
    -213: "Init ignored",
    -220: "Parameter error",
    -221: "Settings conflict",
    -222: "Parameter data out of range",
    -223: "Too much data",
    -230: "Data corrupt or stale",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
    -410: "Query interrupted",
    800: "Illegal with storage active",
    802: "OUTPUT blocked by output enable",
    803: "Not permitted with OUTPUT off",
    822: "Too small for sense range",
    824: "Cannot exceed compliance range",
    826: "Attempt to exceed power limit",
    900: "Internal System Error",
}


class ScpiError(Exception):
    """A message that the instrument refuses; `code` goes to its error queue."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code}: {MESSAGES[code]}")
        self.code = code


@dataclass(slots=True)
class ErrorQueue:
    """First in, first out; when full the last entry becomes -350."""

    depth: int = 10
    _codes: deque[int] = field(default_factory=deque)

    def push(self, code: int) -> None:
        """Add an error."""
        if len(self._codes) < self.depth:
            self._codes.append(code)
        else:
            self._codes[-1] = -350

    def pop(self) -> int:
        """Take the oldest error; 0 if there is none."""
        return self._codes.popleft() if self._codes else 0

    def clear(self) -> None:
        """Forget all errors."""
        self._codes.clear()

    def __len__(self) -> int:
        return len(self._codes)


def error_text(code: int) -> str:
    """Return an entry of the queue as it is sent: `-113,"Undefined header"`."""
    return f'{code:+d},"{MESSAGES[code]}"' if code else '0,"No error"'


@dataclass(frozen=True, slots=True)
class Unit:
    """One command or query of a message: header without `?`, query or not, parameters."""

    header: str
    query: bool
    parameters: tuple[str, ...]


_QUOTED = re.compile(r"""("[^"]*"|'[^']*'|\([^)]*\))""")
#: Common commands with a colon are none in IEEE 488.2, but clients write `:*RST`.
_HEADER = re.compile(r"^:?(\*[A-Za-z]+|[A-Za-z][A-Za-z0-9_]*(?::[A-Za-z][A-Za-z0-9_]*)*)(\??)$")


def split(text: str, separator: str) -> list[str]:
    """Split at a separator that stands outside of quotes and brackets."""
    if not ('"' in text or "'" in text or "(" in text):
        return text.split(separator)
    parts = [""]
    for piece in _QUOTED.split(text):
        if piece[:1] in ('"', "'", "(") and len(piece) > 1:
            parts[-1] += piece
            continue
        first, *rest = piece.split(separator)
        parts[-1] += first
        parts += rest
    return parts


def units(message: str) -> Iterator[Unit]:
    """Yield the units of a message with full headers (the current-path rule applied).

    Raises ScpiError -102 for what is no header, -101 for characters outside of ASCII.
    """
    if not message.isascii() or any(ord(c) < 32 and c not in "\t\r" for c in message):
        raise ScpiError(-101)
    path = ""
    for text in split(message, ";"):
        stripped = text.strip()
        if not stripped:
            continue
        header, _, rest = stripped.replace("\t", " ").partition(" ")
        match = _HEADER.match(header)
        if match is None:
            raise ScpiError(-102)
        name = match[1].upper()
        if not name.startswith("*"):
            name = name if header.startswith(":") else path + name
            path = name[: name.rfind(":") + 1]
        parameters = tuple(p.strip() for p in split(rest, ",")) if rest.strip() else ()
        yield Unit(name, match[2] == "?", parameters)


class _Node(Generic[Handler]):
    def __init__(self) -> None:
        self.children: dict[str, _Node[Handler]] = {}
        self.handlers: dict[bool, Handler] = {}


class Tree(Generic[Handler]):
    """Headers in SCPI's notation (`:SENSe[1]:CURRent[:DC]:RANGe[:UPPer]`) and their handlers."""

    def __init__(self) -> None:
        self._root: _Node[Handler] = _Node()
        self._known: dict[tuple[str, bool], Handler] = {}

    def add(self, pattern: str, handler: Handler) -> None:
        """Register a handler; a pattern that ends with `?` is a query."""
        query = pattern.endswith("?")
        nodes = [self._root]
        # `[:X]` is optional, `[1]` a numeric suffix that may be left out
        for optional, name in re.findall(r"(\[?):?([A-Za-z*]+(?:\[1\]|\d[A-Za-z]*)?)\]?", pattern):
            reached = [node.children for node in nodes]
            child: _Node[Handler] = _Node()
            for children in reached:
                known = children.get(_forms(name)[0])
                child = known if known is not None else child
            for children in reached:
                for form in _forms(name):
                    children.setdefault(form, child)
            nodes = [*nodes, child] if optional else [child]
        for node in nodes:
            node.handlers[query] = handler

    def add_all(self, handlers: Mapping[str, Handler]) -> None:
        """Register handlers by their patterns."""
        for pattern, handler in handlers.items():
            self.add(pattern, handler)

    def find(self, header: str, query: bool) -> Handler:
        """Return the handler of a header; raises ScpiError -113 if there is none."""
        key = (header, query)
        handler = self._known.get(key)
        if handler is None:
            node = self._root
            for name in header.split(":"):
                if name not in node.children:
                    raise ScpiError(-113)
                node = node.children[name]
            if query not in node.handlers:
                raise ScpiError(-113)
            handler = self._known[key] = node.handlers[query]
        return handler


def _forms(name: str) -> list[str]:
    """Return the spellings of a node: short and long, with and without the suffix 1."""
    plain = name.removesuffix("[1]")
    forms = ["".join(c for c in plain if not c.islower()), plain.upper()]
    if plain != name:
        forms += [f + "1" for f in forms]
    return list(dict.fromkeys(forms))


def single(parameters: tuple[str, ...]) -> str:
    """Return the one parameter; raises ScpiError -109 without and -108 with more."""
    if len(parameters) != 1:
        raise ScpiError(-108 if parameters else -109)
    return parameters[0]


_NUMBER = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)$")
_MULTIPLIERS = {"": 1.0, "N": 1e-9, "U": 1e-6, "M": 1e-3, "K": 1e3, "MA": 1e6, "G": 1e9}
_UNITS = ("OHM", "HZ", "V", "A", "S", "")


def number(text: str) -> float:
    """Return a number, with SCPI's unit suffixes (`10mV`, `1.5E-3`).

    Raises ScpiError -104 for what is no number, -131 for a suffix that is none.
    """
    match = _NUMBER.match(text)
    if match is None:
        raise ScpiError(-104)
    suffix = match[2].upper()
    for unit in _UNITS:
        multiplier = suffix.removesuffix(unit) if unit else suffix
        if suffix.endswith(unit) and multiplier in _MULTIPLIERS:
            return float(match[1]) * _MULTIPLIERS[multiplier]
    raise ScpiError(-131)


def boolean(text: str) -> bool:
    """Return ON, OFF or a number as a truth value."""
    word = text.upper()
    if word in ("ON", "OFF"):
        return word == "ON"
    return round(number(text)) != 0


def keyword(text: str, names: tuple[str, ...]) -> str:
    """Return the short form of a keyword given in its short or long form (`VOLTage`).

    Raises ScpiError -141 for a word that is not among `names`.
    """
    word = text.strip("\"'").upper()
    for name in names:
        forms = _forms(name)
        if word in forms:
            return forms[0]
    raise ScpiError(-141)
