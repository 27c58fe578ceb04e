"""The Lua that runs before anything a client sends: it takes away what leads out of the sandbox.

Lua 5.1 stands in for the 2600's 5.0. What is left is the language, `string`, `table` and `math`:
no files, no operating system, no other modules, no bytecode, no coroutines (a hook would not follow
into them). A script never holds a Python object: the instrument's tables are empty Lua tables with
a metatable, and everything they do goes through one function that only this file can reach.
"""

PRELUDE = r"""
local host, tick, every = ...
local sethook, pcall_, loadstring_ = debug.sethook, pcall, loadstring
local error, type, select, unpack, tostring = error, type, select, unpack, tostring
local setmetatable, rawget, pairs, concat = setmetatable, rawget, pairs, table.concat
local getmetatable_ = getmetatable
local byte, find, match, gmatch, gsub, rep =
  string.byte, string.find, string.match, string.gmatch, string.gsub, string.rep
local collect, insert = collectgarbage, table.insert
local globals = _G

for _, name in pairs({
  "collectgarbage", "coroutine", "debug", "dofile", "getfenv", "io", "load", "loadfile",
  "module", "newproxy", "os", "package", "python", "require", "setfenv",
}) do
  globals[name] = nil
end
string.dump = nil
string.gfind = nil
math.mod = math.fmod
-- Why the running script must end; no pcall may survive it.
local stopping = nil

local function look()
  stopping = stopping or tick()
  if stopping then error(stopping, 0) end
end
sethook(look, "", every)

local function go_on(...)
  if stopping then error(stopping, 0) end
  return ...
end

pcall = function(f, ...) return go_on(pcall_(f, ...)) end
-- The handler runs afterwards: inside of an error that the hook raised no hook would end it.
local function handled(handler, ok, ...)
  if ok then return ok, ... end
  return ok, handler(...)
end
xpcall = function(f, handler) return handled(handler, go_on(pcall_(f))) end

local function compile(source, name)
  if type(source) ~= "string" then error("string expected", 3) end
  if byte(source, 1) == 27 then return nil, "=:1: unexpected symbol" end
  return loadstring_(source, name or "=chunk")
end
loadstring = function(source) return compile(source) end

-- C functions see no hook: they get only as much as they can do in a moment, and are looked at.
collectgarbage = function(what)
  if what == "count" then return collect("count") end
  look()
  return collect("collect")
end
table.insert = function(t, ...)
  local position = ...
  if select("#", ...) > 1 and type(position) == "number" and position < 1 then
    error("position out of bounds", 2)
  end
  return insert(t, ...)
end
local function guarded(f)
  return function(s, pattern, ...)
    if type(s) == "number" then s = tostring(s) end
    if type(s) == "string" and type(pattern) == "string" then
      local _, far = gsub(pattern, "%%[b%d]", "")
      local bare = gsub(gsub(pattern, "%%.", "x"), "%[[^%]]*%]", "x")
      local _, repeats = gsub(bare, "[*+-]", "")
      local _, maybes = gsub(bare, "%?", "")
      local steps = (#s + 1) ^ (repeats + far + 1) * 2 ^ maybes
      if steps > 1e9 or (#s + 1) * #pattern > 1e9 then error("pattern too complex", 2) end
      if steps > 1e6 then look() end
    end
    return f(s, pattern, ...)
  end
end
string.find, string.match = guarded(find), guarded(match)
string.gmatch, string.gsub = guarded(gmatch), guarded(gsub)
string.gfind = string.gmatch
string.rep = function(s, n)
  if type(n) == "number" and n > 1e7 then error("not enough memory", 2) end
  if type(n) == "number" and n > 1e4 then look() end
  return rep(s, n)
end

-- The instrument's objects

local ids = setmetatable({}, { __mode = "k" })
local proxy

local function answer(status, ...)
  if status == true then return ... end
  if status == "node" then return proxy((...)) end
  if status == "stop" then
    stopping = (...)
    error(stopping, 0)
  end
  error((...), 3)
end

local function call(id, key, ...)
  local kinds, arguments, count = {}, { ... }, select("#", ...)
  for k = 1, count do
    local a = arguments[k]
    local kind = type(a)
    if kind == "table" and ids[a] then
      kinds[k], arguments[k] = "n", ids[a]
    elseif kind == "table" then
      local copy = {}
      for j = 1, #a do copy[j] = rawget(a, j) end
      kinds[k], arguments[k] = "l", copy
    elseif kind == "function" then
      kinds[k], arguments[k] = "f", false
    else
      kinds[k] = "v"
    end
  end
  return answer(host("call", id, key, concat(kinds), unpack(arguments, 1, count)))
end

local function index(known, id, key, status, value)
  if status == "node" then
    known[key] = proxy(value)
    return known[key]
  elseif status == "function" then
    known[key] = function(...) return call(id, key, ...) end
    return known[key]
  end
  return answer(status, value)
end

proxy = function(id)
  local known, object = {}, {}
  local function plain(key)
    local kind = type(key)
    return kind == "string" or kind == "number"
  end
  ids[object] = id
  return setmetatable(object, {
    __index = function(_, key)
      if known[key] ~= nil then return known[key] end
      if not plain(key) then return nil end
      return index(known, id, key, host("index", id, key))
    end,
    __newindex = function(_, key, value)
      if not plain(key) then error("attempt to write to unknown attribute", 2) end
      local kind = type(value)
      if kind == "table" or kind == "function" then value = nil end
      return answer(host("write", id, key, value))
    end,
    __metatable = false,
  })
end

-- What an object has, as clients ask for it that look around: a copy, its metatable stays closed.
getmetatable = function(object)
  local id = ids[object]
  if not id then return getmetatable_(object) end
  local parts = { host("describe", id, "") }
  local about = { Getters = {}, Setters = {}, Objects = {} }
  if parts[2] ~= "" then about.luatype = parts[2] end
  for k = 3, #parts, 2 do
    local kind, name = parts[k], parts[k + 1]
    if kind == "object" then
      about.Objects[name] = object[name]
    else
      about.Getters[name] = function() return object[name] end
    end
    if kind == "setting" then
      about.Setters[name] = function(value) object[name] = value end
    end
  end
  return about
end

local root = proxy(0)
local function install(names)
  for name in gmatch(names, "%S+") do globals[name] = root[name] end
end

local function words(...)
  local found = { ... }
  for k = 1, select("#", ...) do
    if type(found[k]) ~= "number" then found[k] = tostring(found[k]) end
  end
  return unpack(found, 1, select("#", ...))
end
local write = root.print
print = function(...) return write(words(...)) end

makegetter = function(object, name) return function() return object[name] end end
makesetter = function(object, name) return function(value) object[name] = value end end
exit = function()
  stopping = ""
  error(stopping, 0)
end

-- Scripts

local scripts, factory_scripts = {}, {}
script = { user = { scripts = scripts }, factory = { scripts = factory_scripts } }
script.factory.catalog = function() return pairs(factory_scripts) end

local function as_script(name, source, chunk)
  local one = setmetatable({}, { __call = function() return chunk() end, __metatable = false })
  one.name, one.source, one.run, one.autorun = name, source, chunk, "no"
  one.list = function()
    if name ~= "" then print("loadscript " .. name) else print("loadscript") end
    print(source)
    print("endscript")
  end
  one.save = function() end
  return one
end

-- A factory script is in no global variable; the functions that it defines are.
local function keep_factory(name, source)
  local chunk, problem = compile(source)
  if not chunk then error(problem, 0) end
  factory_scripts[name] = as_script(name, source, chunk)
  chunk()
  -- The count of instructions begins when the instrument is on.
  sethook(look, "", every)
end

local function keep(name, source)
  local chunk, problem = compile(source)
  if not chunk then return problem end
  local one = as_script(name, source, chunk)
  if name == "" then
    script.anonymous = one
  else
    scripts[name], globals[name] = one, one
  end
end
script.run = function()
  if not script.anonymous then error("no anonymous script", 2) end
  return script.anonymous()
end
run = script.run
script.new = function(source, name)
  local problem = keep(name or "", source)
  if problem then error(problem, 0) end
  if name then return scripts[name] end
  return script.anonymous
end
script.delete = function(name) scripts[name] = nil end
script.load = script.new

-- What the instrument calls

local function execute(source, name)
  stopping = nil
  local chunk, problem = compile(source)
  if not chunk then return "syntax", problem end
  local ok, reason = pcall_(chunk)
  if ok then return "" end
  if stopping then return "stop", stopping end
  return "runtime", type(reason) == "string" and reason or "error object is not a string"
end

local function run_kept(name)
  stopping = nil
  local one = name == "" and script.anonymous or scripts[name]
  local ok, reason = pcall_(one.run)
  if ok then return "" end
  if stopping then return "stop", stopping end
  return "runtime", type(reason) == "string" and reason or "error object is not a string"
end

local function live()
  collect("collect")
  local found = {}
  for _, id in pairs(ids) do found[#found + 1] = id end
  return unpack(found)
end

return execute, keep, keep_factory, run_kept, install, live
"""
