"""The factory script that a 2600 carries: KISweep, sweeps that are one call.

Source: Series 2600B Reference Manual (2600BS-901-01), section 5, "KISweep factory script", and
`SweepILinMeasureV()` to `SweepVLogMeasureI()` in section 7. What the manual leaves open (which
settings are changed and put back, the trigger model, the two seconds at the end) is as in the
listing that Keithley publishes for everybody's use. What that one asks for at the front panel ends
the script here: nobody is there.
"""

KISWEEP = r"""
local OUTPUTS = { v = "OUTPUT_DCVOLTS", i = "OUTPUT_DCAMPS" }
local MEASURED = { v = "i", i = "v" }

local function complete(names, ...)
  for k, name in ipairs(names) do
    if select(k, ...) == nil then
      error("`" .. name .. "' would be asked for at the front panel, where nobody is", 3)
    end
  end
end

local function prepare_buffer(buffer)
  buffer.clear()
  buffer.appendmode = 1
  buffer.collecttimestamps = 1
  buffer.collectsourcevalues = 1
end

local function prepare_trigger_model(smu, q, set_levels, stime, points)
  local model = smu.trigger
  model.arm.stimulus = 0
  model.source.stimulus = 0
  model.measure.stimulus = 0
  model.endpulse.stimulus = 0
  model.arm.count = 1
  set_levels(model.source)
  model.source.action = smu.ENABLE
  model.endpulse.action = smu.SOURCE_HOLD
  model.measure[MEASURED[q]](smu.nvbuffer1)
  model.measure.action = smu.ENABLE
  if stime > 0 then
    trigger.timer[1].reset()
    trigger.timer[1].delay = stime
    model.measure.stimulus = trigger.timer[1].EVENT_ID
    trigger.timer[1].stimulus = model.SOURCE_COMPLETE_EVENT_ID
  end
  model.count = points
end

-- Settings are put back only if nothing ends the script before.
local function run(name, smu, q, set_source, put_back, set_levels, stime, points)
  local source, measure = smu.source, smu.measure
  local autozero, screen = measure.autozero, display.screen
  local old = {
    func = source.func, level = source["level" .. q],
    range = source["range" .. q], auto = source["autorange" .. q],
  }
  display.clear()
  display.settext(name)
  source.output = smu.OUTPUT_OFF
  source.func = smu[OUTPUTS[q]]
  set_source(source)
  measure.autozero = smu.AUTOZERO_OFF
  prepare_buffer(smu.nvbuffer1)
  prepare_trigger_model(smu, q, set_levels, stime, points)
  source.output = smu.OUTPUT_ON
  smu.trigger.initiate()
  waitcomplete()
  source.output = smu.OUTPUT_OFF
  display.setcursor(2, 1)
  display.settext("Test complete.")
  put_back(source, old)
  measure.autozero = autozero
  delay(2)
  display.clear()
  display.screen = screen
end

local function between(name, smu, q, kind, widest, start, stop, stime, points)
  local function set_source(source)
    source["level" .. q] = 0
    source["range" .. q] = widest(start, stop)
  end
  local function put_back(source, old)
    source["level" .. q] = 0
    source["range" .. q] = old.range
    source["autorange" .. q] = old.auto
    source.func = old.func
    source["level" .. q] = old.level
  end
  local function set_levels(source) source[kind .. q](start, stop, points) end
  run(name, smu or smua, q, set_source, put_back, set_levels, stime, points)
end

-- Both ends of a linear sweep may be negative, those of a logarithmic one are not.
local function magnitude(start, stop) return math.max(math.abs(start), math.abs(stop)) end

local function listed(name, smu, q, list, stime, points)
  local function set_source(source)
    source["autorange" .. q] = 1
    source["level" .. q] = list[1]
  end
  -- The range is not put back.
  local function put_back(source, old)
    source["level" .. q] = old.level
    source.func = old.func
    source["autorange" .. q] = old.auto
  end
  local function set_levels(source) source["list" .. q](list) end
  run(name, smu or smua, q, set_source, put_back, set_levels, stime, points)
end

local function filled(value, count)
  local list = {}
  for k = 1, count do list[k] = value end
  return list
end

-- Without a filter, and this one alone.
function SweepILinMeasureV(smu, starti, stopi, stime, points)
  if starti == nil and stopi == nil and stime == nil and points == nil then
    starti, stopi, stime, points = -100e-6, 100e-6, 0, 10
  end
  complete({ "starti", "stopi", "stime", "points" }, starti, stopi, stime, points)
  local filter = (smu or smua).measure.filter
  local enabled = filter.enable
  filter.enable = 0
  between("SweepILinMeasureV", smu, "i", "linear", magnitude, starti, stopi, stime, points)
  filter.enable = enabled
end

function SweepVLinMeasureI(smu, startv, stopv, stime, points)
  if startv == nil and stopv == nil and stime == nil and points == nil then
    startv, stopv, stime, points = -1, 1, 0, 10
  end
  complete({ "startv", "stopv", "stime", "points" }, startv, stopv, stime, points)
  between("SweepVLinMeasureI", smu, "v", "linear", magnitude, startv, stopv, stime, points)
end

function SweepILogMeasureV(smu, starti, stopi, stime, points)
  if starti == nil and stopi == nil and stime == nil and points == nil then
    starti, stopi, stime, points = 1e-9, 100e-6, 0, 10
  end
  complete({ "starti", "stopi", "stime", "points" }, starti, stopi, stime, points)
  between("SweepILogMeasureV", smu, "i", "log", math.max, starti, stopi, stime, points)
end

function SweepVLogMeasureI(smu, startv, stopv, stime, points)
  if startv == nil and stopv == nil and stime == nil and points == nil then
    startv, stopv, stime, points = 1, 10, 0, 10
  end
  complete({ "startv", "stopv", "stime", "points" }, startv, stopv, stime, points)
  between("SweepVLogMeasureI", smu, "v", "log", math.max, startv, stopv, stime, points)
end

function SweepIListMeasureV(smu, ilist, stime, points)
  if ilist == nil and stime == nil and points == nil then
    ilist, stime, points = filled(100e-6, 10), 0, 10
  end
  complete({ "ilist", "stime", "points" }, ilist, stime, points)
  listed("SweepIListMeasureV", smu, "i", ilist, stime, points)
end

function SweepVListMeasureI(smu, vlist, stime, points)
  if vlist == nil and stime == nil and points == nil then
    vlist, stime, points = filled(-1, 10), 0, 10
  end
  complete({ "vlist", "stime", "points" }, vlist, stime, points)
  listed("SweepVListMeasureI", smu, "v", vlist, stime, points)
end
"""

#: Factory scripts by name; each is run when the instrument starts.
FACTORY_SCRIPTS = {"KISweep": KISWEEP}
