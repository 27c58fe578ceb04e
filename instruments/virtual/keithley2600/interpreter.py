"""Lua as a 2600 runs it: a sandbox around lupa, and errors in the instrument's words.

Every so many instructions the script is looked at (`tick`): its time passes, and it can be ended.
Memory is limited. An error inside this program travels around Lua, never through it: there it
would be a Python object in the hands of a script.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

import lupa.lua51 as lupa

from nanojunction.instruments.virtual.keithley2600.errors import ScriptFault, TspError
from nanojunction.instruments.virtual.keithley2600.factory_scripts import FACTORY_SCRIPTS
from nanojunction.instruments.virtual.keithley2600.prelude import PRELUDE
from nanojunction.instruments.virtual.keithley2600.tree import Attribute, Function, Group

#: Instructions between two looks at a running script.
INSTRUCTIONS = 1_000
#: What scripts and their variables may take (bytes); a 2600B has 16 MB for them.
MEMORY = 16 << 20

_PLACE = re.compile(r'^(?:\[string "[^\n]*?"\]|[^:\s]*):(\d+): ?')
_QUOTED = re.compile(r"'([^'\n]*)'")


class Instrument(Protocol):
    """What the interpreter needs of the instrument around it."""

    def tick(self) -> str | None:
        """Let time pass for `INSTRUCTIONS`; return why the script must end, None to go on."""

    def perform(self, group: Group, work: Callable[[], Any], waits: bool) -> Any:
        """Carry out what a script asked for; queue a TspError and return None."""

    def complain(self, code: int, message: str) -> None:
        """Queue an error."""


class Stopped(Exception):
    """The running script must end; the words say why, none if the client wanted it."""


class Interpreter:
    """A Lua state whose globals are a tree of commands; `instrument` carries them out."""

    def __init__(self, instrument: Instrument, root: Group) -> None:
        self._instrument = instrument
        self._root = root
        self._trouble: BaseException | None = None
        self._start()

    def _start(self) -> None:
        self._groups: dict[int, Group] = {0: self._root}
        self._ids: dict[int, int] = {id(self._root): 0}
        self._next_id = 1
        self._lua = lupa.LuaRuntime(
            encoding="latin-1",
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            attribute_filter=_nothing_of_python,
            max_memory=MEMORY,
        )
        prelude = self._lua.compile(PRELUDE)
        parts = prelude(self._host, self._tick, INSTRUCTIONS)
        self._execute, self._keep, keep_factory, self._run, self._install, self._live = parts
        self.install()
        for name, source in FACTORY_SCRIPTS.items():
            keep_factory(name, source)

    def install(self) -> None:
        """Put the instrument's own names (back) into the globals."""
        self._install(" ".join(str(name) for name in self._root.entries if name != "print"))

    def execute(self, source: str) -> None:
        """Run one message; errors go to the instrument's queue."""
        self._guard(lambda: self._execute(source))

    def keep(self, name: str, source: str) -> bool:
        """Load a script under a name, or as the anonymous one; return whether it is one."""
        problem: list[str | None] = [""]

        def load() -> None:
            problem[0] = self._keep(name, source)
            if problem[0]:
                self._instrument.complain(-285, _in_words("Syntax", problem[0]))

        self._guard(load)
        return problem[0] is None

    def run(self, name: str) -> None:
        """Run a loaded script."""
        self._guard(lambda: self._run(name))

    def live(self) -> list[Group]:
        """Return the groups that scripts still hold; forget the others."""
        held = self._live()
        alive = set(held if isinstance(held, tuple) else (held,))
        for number in [n for n in self._groups if n not in alive]:
            if number:
                self._ids.pop(id(self._groups.pop(number)), None)
        return list(self._groups.values())

    def _guard(self, work: Callable[[], Any]) -> None:
        """Carry out work in Lua; raise what went wrong in Python behind its back."""
        self._trouble = None
        outcome: Any = None
        try:
            outcome = work()
        except lupa.LuaMemoryError:
            outcome = ("runtime", "not enough memory")
        except lupa.LuaError as problem:
            outcome = ("runtime", str(problem).partition("\n")[0])
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            raise trouble
        if isinstance(outcome, tuple):
            self._report(*outcome)

    def _report(self, kind: str, words: str) -> None:
        if kind == "stop" and not words:
            return
        if words.endswith("not enough memory"):
            self._instrument.complain(-225, "")
            self._make_room()
        elif kind == "syntax":
            self._instrument.complain(-285, _in_words("Syntax", words))
        else:
            self._instrument.complain(-286, _in_words("Runtime", words))

    def _make_room(self) -> None:
        """Start afresh if what scripts have stored leaves no memory for the next message."""
        try:
            self._live()
            left = MEMORY - self._lua.get_memory_used()
        except lupa.LuaError:
            left = 0
        if left < MEMORY // 8:
            self._start()
            self._instrument.complain(1402, "")

    # What Lua calls; nothing may be raised from here

    def _tick(self) -> str | None:
        try:
            return self._instrument.tick()
        except BaseException as problem:
            return self._set_aside(problem)

    def _host(self, operation: str, number: int, key: str | int, *arguments: Any) -> Any:
        try:
            group = self._groups[number]
            if operation in ("index", "describe"):
                return self._index(group, key) if operation == "index" else _described(group)
            if operation == "write":
                self._instrument.perform(group, lambda: group.write(key, arguments[0]), False)
                return (True,)
            return self._call(group, key, arguments[0], arguments[1:])
        except ScriptFault as fault:
            return (False, str(fault))
        except Stopped as stop:
            return ("stop", str(stop))
        except BaseException as problem:
            return ("stop", self._set_aside(problem))

    def _set_aside(self, problem: BaseException) -> str:
        """Keep what must not pass through Lua; return why the script ends."""
        self._trouble = problem
        return "stopped"

    def _index(self, group: Group, key: str | int) -> Any:
        entry = group.find(key)
        if isinstance(entry, Attribute):
            return (True, self._instrument.perform(group, entry.read, False))
        if isinstance(entry, Function):
            return ("function", key)
        if isinstance(entry, Group):
            return ("node", self._number(entry))
        return (True, entry)

    def _call(self, group: Group, key: str | int, kinds: str, arguments: tuple[Any, ...]) -> Any:
        function = group.find(key)
        if not isinstance(function, Function):
            raise ScriptFault(f"attempt to call field `{key}'")

        def work() -> Any:
            given = [self._argument(k, a) for k, a in zip(kinds, arguments, strict=True)]
            return function.call(*given)

        result = self._instrument.perform(group, work, function.waits)
        if isinstance(result, Group):
            return ("node", self._number(result))
        return (True, *(result if isinstance(result, tuple) else (result,)))

    def _argument(self, kind: str, value: Any) -> Any:
        if kind == "n":
            return self._groups[value]
        if kind == "l":
            return [value[k] for k in range(1, len(value) + 1)]
        if kind == "f":
            raise TspError(-104)
        return value

    def _number(self, group: Group) -> int:
        number = self._ids.get(id(group))
        if number is None:
            number = self._ids[id(group)] = self._next_id
            self._groups[number] = group
            self._next_id += 1
        return number


def _described(group: Group) -> Any:
    return (True, group.luatype, *group.described())


def _nothing_of_python(_object: object, name: object, _setting: bool) -> str:
    raise AttributeError(f"no attribute {name!r}")


def _in_words(kind: str, problem: str) -> str:
    """Return a Lua message as a 2600 words it: with the line, and `names' in Lua 5.0's quotes."""
    place = _PLACE.match(problem)
    line = place[1] if place else "1"
    rest = problem[place.end() :] if place else problem
    return f"TSP {kind} error at line {line}: " + _QUOTED.sub(r"`\1'", rest)
