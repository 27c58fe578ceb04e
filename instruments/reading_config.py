"""`[[readings]]` of the station file: a number to ask an instrument for, and its bounds."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

#: What a reading may send: one question, never a command.
_QUESTION = re.compile(r"READ:[^;?\s]+\??|[*:A-Za-z0-9]+\?( [^;?]*)?|[RVX][0-9]*", re.ASCII)
#: The last number of an answer that is not part of a word, with any unit after it.
LAST_NUMBER = r"(?<![\w.+-])([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[^\d:;,]*$"


class ReadingConfig(BaseModel):
    """`[[readings]]`: a number that an instrument is asked for, and must lie between bounds.

    `of` is the role whose instrument is asked `query`; `before` is what must not begin while the
    number lies outside. The first group of `pattern` is the number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1)]
    of: Literal["source_meter", "magnet", "temperature", "switch", "field_probe"]
    query: str
    unit: str = ""
    minimum: Annotated[float, Field(allow_inf_nan=False)] | None = None
    maximum: Annotated[float, Field(allow_inf_nan=False)] | None = None
    before: Annotated[tuple[Literal["field", "temperature"], ...], Field(strict=False)] = (
        "field",
        "temperature",
    )
    pattern: str = LAST_NUMBER

    @field_validator("query")
    @classmethod
    def _is_a_question(cls, query: str) -> str:
        if not _QUESTION.fullmatch(query):
            raise ValueError(
                "must be one question: READ:… of a Mercury, R, V or X of an older Oxford "
                "controller, or a header with a question mark"
            )
        return query

    @field_validator("pattern")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as problem:
            raise ValueError(f"is no regular expression: {problem}") from problem
        if groups != 1:
            raise ValueError("must have one group, the number, in round brackets")
        return pattern

    @model_validator(mode="after")
    def _has_bounds(self) -> Self:
        low, high = self.minimum, self.maximum
        if low is None and high is None and self.before:
            raise ValueError("give minimum or maximum, or before = [] to record it only")
        if low is not None and high is not None and low >= high:
            raise ValueError("minimum must lie below maximum")
        return self
