"""What a queue is made of: what somebody wishes to be measured, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.procedures.recipes.recipe_file import Value

#: The "procedure" of an entry at which the queue waits for a person.
PAUSE = "pause"
#: What a run was when its process died; whether it goes on is for a person to say.
CUT_OFF = "cut off"
#: Statuses of an entry that waits for its turn, and of one after which nothing more happens to it.
QUEUED, RUNNING = "queued", "running"
#: What a person may have done with an entry that did not finish.
DISCARDED, RETRIED = "discarded", "retried"


class QueueError(LaboratoryError):
    """What was asked of the queue cannot be done: one sentence."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A run that somebody wants: a procedure's name, the junction, and keys of `--set`.

    `sample_file` is the path of the file with the junction's own limits. With the procedure
    `pause` the queue waits there for a person, who reads `words`.
    """

    procedure: str
    sample: str = ""
    settings: Mapping[str, Value] = field(default_factory=dict)
    sample_file: str = ""
    words: str = ""

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Wish:
        """Return what came over the channel; raises QueueError for what is no wish."""
        kinds = {"procedure": str, "sample": str, "settings": dict, "sample_file": str,
                 "words": str}  # fmt: skip
        for key, value in content.items():
            if key not in kinds:
                raise QueueError(f"{key}: unknown; known are {', '.join(kinds)}")
            if not isinstance(value, kinds[key]):
                raise QueueError(f"{key}: {value!r} is no {kinds[key].__name__}")
        if not content.get("procedure"):
            raise QueueError("procedure: is missing; name one, or pause")
        for key, value in content.get("settings", {}).items():
            if not isinstance(value, str | int | float):
                raise QueueError(f"settings.{key}: {value!r} is neither text nor number")
        return cls(**content)

    def content(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self) | {"settings": dict(self.settings)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the queue.

    `status` is queued, running, `cut off` or as the run ended (finished, aborted, protected,
    broken, failed), discarded or retried. `rows` of `planned_rows` were measured; a failed run
    says why in `error`. `tries` counts earlier entries that this one repeats; `resumes`: it goes on
    after the rows of a run that was cut off. `cost_s` is how long it takes (station's clock).
    """

    key: str
    wish: Wish
    status: str
    file: str | None = None
    rows: int = 0
    planned_rows: int | None = None
    error: str | None = None
    tries: int = 0
    resumes: bool = False
    cost_s: float | None = None
    started: str | None = None
    ended: str | None = None

    def content(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self) | {"wish": self.wish.content()}
