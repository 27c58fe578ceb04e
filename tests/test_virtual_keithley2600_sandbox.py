"""What scripts can't do to the virtual Keithley 2636B: leave it, stop it, or fill it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.instruments.virtual.keithley2600 import Keithley2600
from nanojunction.instruments.virtual.serving.server import MAX_LINE
from tests.virtual_bench import Client, Resistor, world_with


def keithley() -> Keithley2600:
    return Keithley2600(world_with(Resistor(1e3)))


def error(k: Keithley2600) -> tuple[int, str]:
    code, message, *_ = (k.handle("print(errorqueue.next())") or "").split("\t")
    return int(float(code)), message


# The way out

#: Walks through everything that can be reached, metatables and values of indices included.
WALK = """
local seen, found = {}, {}
local function walk(x, path, depth)
  local kind = type(x)
  if kind == "userdata" or kind == "thread" then table.insert(found, path .. ": " .. kind) end
  if kind ~= "table" or seen[x] or depth > 8 then return end
  seen[x] = true
  local meta = getmetatable(x)
  if type(meta) == "table" then walk(meta, path .. "<meta>", depth + 1) end
  for k, v in pairs(x) do
    walk(k, path .. "<key>", depth + 1)
    walk(v, path .. "." .. tostring(k), depth + 1)
  end
end
walk(_G, "_G", 0)
walk(getmetatable(""), "string metatable", 0)
for _, one in pairs({smua, smua.source, smua.nvbuffer1, smua.makebuffer(3), trigger.timer[1]}) do
  walk(one, "object", 0)
end
print(table.getn(found) == 0 and "nothing" or table.concat(found, ", "))
"""


def test_no_object_of_python_can_be_reached() -> None:
    k = keithley()
    assert k.handle(WALK.replace("\n", " ")) == "nothing"


@pytest.mark.parametrize(
    "name",
    ["os", "io", "debug", "package", "python", "require", "module", "dofile", "loadfile", "load",
     "getfenv", "setfenv", "newproxy", "coroutine", "string.dump"],
)  # fmt: skip
def test_what_leads_out_is_not_there(name: str) -> None:
    k = keithley()
    assert k.handle(f"print({name})") == "nil"


def test_errors_that_a_script_catches_are_words() -> None:
    k = keithley()
    assert k.handle(
        "for _, f in ipairs({function() smua.foo = 1 end, function() nothing.here = 1 end, "
        "function() smua.measure.v(print) end, function() error({}) end}) do "
        "local ok, reason = pcall(f) print(type(reason)) end"
    ) == "string\nstring\nnil\ntable"  # fmt: skip


def test_bytecode_is_not_taken() -> None:
    k = keithley()
    k.handle("\x1bLuaQ\x00\x01\x04\x08\x04\x08\x00")
    assert error(k)[0] == -285
    assert k.handle('print(loadstring("\\27Lua"))') is not None
    k.handle("loadscript bytes")
    k.handle("\x1bLuaQ")
    k.handle("endscript")
    assert error(k)[0] == -285


def test_the_metatable_of_an_object_is_closed() -> None:
    k = keithley()
    k.handle("getmetatable(smua).__index = nil getmetatable(smua).Getters = nil")
    assert k.handle("print(smua.source.levelv, type(getmetatable(smua).Getters))") == (
        "0.00000e+00\ttable"
    )
    assert k.handle("print(pcall(setmetatable, smua, {}))") == (
        "false\tcannot change a protected metatable"
    )


def test_names_that_a_script_took_away_come_back_with_a_reset() -> None:
    k = keithley()
    k.handle("smua = nil errorqueue = 3 delay = nil")
    k.handle("*RST")
    assert k.handle("delay(0.1) print(smua.source.levelv, errorqueue.count)") == (
        "0.00000e+00\t0.00000e+00"
    )


# Time

ENDLESS = [
    "while true do end",
    "repeat until false",
    "local function f() return f() end f()",
    "while true do pcall(function() while true do end end) end",
    "while true do pcall(pcall, error) end",
    "xpcall(function() while true do end end, function() while true do end end)",
    "table.sort({3, 2, 1}, function() while true do end end)",
    "string.gsub('a', '.', function() while true do end end)",
    "print(setmetatable({}, {__tostring = function() while true do end end}))",
    "smua.trigger.source.listv(setmetatable({}, {__index = function() while true do end end}))"
    " while true do end",
    "loadstring('while true do end')()",
    "while true do smua.source.limiti = 0 end",
    "while true do local x = smua.source.levelv end",
    "while true do errorqueue.next() end",
    "while true do collectgarbage() end",
    "while true do string.find(string.rep('a', 3000), '.-.-b') end",
]


@pytest.mark.parametrize("script", ENDLESS)
def test_an_endless_script_is_ended(script: str) -> None:
    k = keithley()
    assert k.handle(script) is None
    k.handle("errorqueue.clear()")
    assert k.handle("*IDN?") == Keithley2600.identity
    assert k.handle("print(smua.source.levelv)") == "0.00000e+00"


def test_a_script_that_computes_for_long_is_told_so() -> None:
    k = keithley()
    k.handle("while true do end")
    code, message = error(k)
    assert code == -286
    assert "computed for more than 10 s" in message


def test_a_script_that_waits_may_take_long() -> None:
    k = keithley()
    assert k.handle("for k = 1, 100 do delay(1) end print('done')") == "done"


@pytest.mark.parametrize(
    "script",
    [
        'string.find(string.rep("a", 60), string.rep("a-", 20) .. "b")',
        'string.gsub(string.rep("a", 9000), ".-.-.-b", "")',
        'string.find(string.rep("a", 1000000), string.rep("a", 500000) .. "b", 1, true)',
        'string.match(string.rep("(", 90000), string.rep("%b()", 3))',
        'string.rep("", 1e12)',
        "unpack({}, 1, 1e9)",
        "table.concat({}, '', 1, 1e9)",
        "table.insert({}, -2147483647, 1)",
    ],
)
def test_what_would_take_for_ever_below_lua_is_refused(script: str) -> None:
    k = keithley()
    assert k.handle(script) is None
    assert error(k)[0] in (-286, -225)


# Memory


@pytest.mark.parametrize(
    "script",
    [
        "local t = {} while true do t[#t + 1] = {} end",
        "local s = 'x' while true do s = s .. s end",
        "t = {} while true do t[#t + 1] = {} end",
        "t = {} while true do t[#t + 1] = {} pcall(error) end",
        "for k = 1, 1e7 do _G['name' .. k] = k end",
        'local s = string.rep("x", 9e6) local t = s .. s',
    ],
)
def test_memory_is_limited_and_given_back(script: str) -> None:
    k = keithley()
    k.handle(script)
    assert error(k)[0] == -225
    k.handle("errorqueue.clear()")
    assert k.handle("local t = {} for k = 1, 10000 do t[k] = k end print(#t)") == "1.00000e+04"
    assert k.handle("print(smua.measure.v() < 1)") == "true"


def test_what_is_printed_is_limited() -> None:
    k = keithley()
    answer = k.handle('local s = string.rep("x", 1e6) while true do print(s) end')
    assert answer is None or len(answer) < 10_000_000
    assert k.handle("*IDN?") == Keithley2600.identity


def test_a_script_that_never_ends_to_load_is_refused() -> None:
    k = keithley()
    k.handle("loadscript long")
    for _ in range(20):
        k.handle("--" + "x" * 60_000)
    assert error(k) == (-223, "Too much data")
    assert k.handle("print(1)") == "1.00000e+00"


# Junk


@given(line=st.text(st.characters(max_codepoint=255, exclude_characters="\n"), max_size=60))
@example(line="\x00")
@example(line="*")
@example(line="*;")
@example(line="*IDN?;")
@example(line="endscript")
@example(line="abort")
@example(line="]]--[[")
@settings(deadline=None, max_examples=60)
def test_junk_leaves_the_instrument_alive(line: str) -> None:
    k = keithley()
    k.handle(line)
    k.handle("endscript")
    k.handle("*CLS")
    assert k.handle("*IDN?") == Keithley2600.identity
    assert k.handle("print(smua.source.output)") == "0.00000e+00"


# On a socket


@pytest.fixture
def cryostat() -> Iterator[VirtualCryostat]:
    with VirtualCryostat(
        Resistor(1e3), source_meter="keithley2600", magnet=None, temperature=None, speed=100
    ) as served:
        yield served


@pytest.fixture
def client(cryostat: VirtualCryostat) -> Iterator[Client]:
    one = Client(cryostat)
    yield one
    one.socket.close()


ID = Keithley2600.identity.encode()


@pytest.mark.parametrize(
    "script",
    [
        b"while true do end",
        b"while true do delay(1) end",
        b"while true do smua.measure.i() end",
        b"smua.trigger.arm.stimulus = trigger.EVENT_ID smua.trigger.initiate() waitcomplete()",
        b"SweepVLinMeasureI(smua, 0, 0.1, 1e4, 100)",
        b"trigger.wait(1e9)",
        b"delay(1e5)",
    ],
)
def test_abort_ends_what_runs(client: Client, script: bytes) -> None:
    client.send(script + b"\n")
    client.send(b"abort\n")
    assert client.ask(b"*IDN?") == ID


def test_a_client_that_comes_back_finds_the_instrument_alive(
    cryostat: VirtualCryostat, client: Client
) -> None:
    client.send(b"while true do end\n")
    client.socket.close()
    again = Client(cryostat)
    assert again.ask(b"*IDN?") == ID
    again.socket.close()


def test_the_server_closes_while_a_script_runs() -> None:
    with VirtualCryostat(
        Resistor(1e3), source_meter="keithley2600", magnet=None, temperature=None
    ) as cryostat:
        client = Client(cryostat)
        assert client.ask(b"*IDN?") == ID
        client.send(b"while true do pcall(delay, 1e5) end\n")
    with pytest.raises(ConnectionError):
        client.line()
    client.socket.close()


def test_a_trigger_reaches_a_script_that_waits_for_it(client: Client) -> None:
    client.send(b"print(trigger.wait(1e9))\n")
    client.send(b"*TRG\n")
    assert client.line() == b"true"


def test_half_a_line_and_the_rest(client: Client) -> None:
    client.send(b"print(1")
    client.send(b" + 1)\nprint(3)\n")
    assert (client.line(), client.line()) == (b"2.00000e+00", b"3.00000e+00")


def test_junk_bytes_and_lines_that_are_too_long(client: Client) -> None:
    client.send(bytes(range(256)) + b"\n" + b"x" * (MAX_LINE + 1) + b"\n")
    assert client.ask(b"*IDN?") == ID
    assert b"Input buffer over-run" in client.ask(
        b"local words = {} while errorqueue.count > 0 do local _, one = errorqueue.next() "
        b"table.insert(words, one) end print(table.concat(words))"
    )
