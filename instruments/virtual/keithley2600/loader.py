"""Scripts that come line by line: `loadscript`, `loadandrunscript`, `endscript`.

Source: Series 2600B Reference Manual (2600BS-901-01), section 6, "Load a script by sending commands
over the remote interface".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2600.instrument import Keithley2600

#: Characters that a script may have: a choice.
SCRIPT_LENGTH = 1_000_000

_LOAD = re.compile(r"^(loadscript|loadandrunscript)(?:\s+([A-Za-z_]\w*))?$")


class Loader:
    """Collects the lines of a script until it ends."""

    def __init__(self, k: Keithley2600) -> None:
        self._k = k
        self._lines: list[str] = []
        self._name = ""
        self._runs = False
        self.loading = False

    def takes(self, message: str) -> bool:
        """Take a message that begins, continues or ends a script; return whether it does."""
        if self.loading:
            self._continue(message)
            return True
        found = _LOAD.match(message)
        if found is None:
            return False
        self.loading, self._lines = True, []
        self._runs, self._name = found[1] == "loadandrunscript", found[2] or ""
        if self._name in self._k.root.entries:
            self._k.complain(-282, "")
            self._name = ""
        return True

    def forget(self) -> None:
        """Forget what was collected."""
        self.loading, self._lines = False, []

    def _continue(self, message: str) -> None:
        if message != "endscript":
            self._lines.append(message)
            if sum(map(len, self._lines)) > SCRIPT_LENGTH:
                self.forget()
                self._k.complain(-223, "")
            return
        source = "\n".join(self._lines)
        self.forget()
        if self._k.lua.keep(self._name, source) and self._runs:
            self._k.lua.run(self._name)
