-- For wrk: posts one body again and again, and reads the server's CPU clock while it does.
--   wrk -t1 -c32 -d1s -s load.lua URL -- BODY_FILE EVERY FIELDS CLOCK_FILE...
-- A connection asks for its next request when its answer is complete, so that between two calls of
-- request() as many requests were finished as were started, whatever is under way at the moment:
-- the first and last reading frame a steady state. EVERY says after how many requests to read.
-- CLOCK_FILEs are /proc/PID/task/*/schedstat: nanoseconds on a CPU, first of three numbers.
local every, clocks, calls = 1, {}, 0

local function cpu_ns()
  local sum = 0
  for _, path in ipairs(clocks) do
    local file = io.open(path)
    if file then
      sum = sum + (file:read("*n") or 0)
      file:close()
    end
  end
  return sum
end

local threads = {}
function setup(thread) table.insert(threads, thread) end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.body = file:read("*a")
  file:close()
  every = tonumber(args[2])
  for name, value in args[3]:gmatch("([^:;]+):([^;]+)") do wrk.headers[name] = value end
  for i = 4, #args do table.insert(clocks, args[i]) end
  wrk.method = "POST"
  posted = wrk.format()
end

function request()
  calls = calls + 1
  -- The first 32 start connections; the next go to a server that has not got going.
  if calls > 40 and (calls - 41) % every == 0 then
    last_calls, last_ns = calls, cpu_ns()
    if not first_calls then first_calls, first_ns = last_calls, last_ns end
  end
  return posted
end

function done(summary)
  local thread, errors = threads[1], summary.errors
  local count = (thread:get("last_calls") or 0) - (thread:get("first_calls") or 0)
  local ns = (thread:get("last_ns") or 0) - (thread:get("first_ns") or 0)
  print(string.format("RESULT %d %.0f %d %.0f", count, ns,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    summary.requests / summary.duration * 1e6))
end
