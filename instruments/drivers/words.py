"""What PyMeasure's drivers raise on an answer that makes no sense, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymeasure.instruments.oxfordinstruments.base import OxfordVISAError

from nanojunction.instruments.errors import InstrumentFault
from nanojunction.instruments.visa import Connection


@contextmanager
def in_words(connection: Connection) -> Iterator[None]:
    """Turn what PyMeasure raises on a nonsensical answer into InstrumentFault.

    Its mapped properties raise KeyError for an answer that is not in their map, its parsers
    ValueError, IndexError or TypeError; none of them names the instrument.
    """
    try:
        yield
    except (OxfordVISAError, ValueError, KeyError, IndexError, TypeError) as problem:
        words = " ".join(str(problem).split())
        raise InstrumentFault(
            f"{connection.where}: an answer makes no sense ({words})"
        ) from problem
