-- For wrk: posts one body again and again, and reads the server's CPU clock while it does.
--   wrk -t1 -c32 -d1s -s load.lua URL -- BODY_FILE EVERY FIELDS CLOCK_FILE...
-- A connection asks for its next request when its answer is complete, so that between two calls of
-- request() as many requests were finished as were started. What was worked for those under way
-- differs: some servers take all of them forward together and finish them in one burst. Therefore the
-- result is the slope of a line through many readings, each after a whole turn of all connections:
-- what is under way is bounded, and weighs the less the longer the line.
-- EVERY, a multiple of the connections, says after how many requests to read.
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
  -- Sums of the line, from its first reading on: numbers small enough to be exact.
  readings, sum_x, sum_y, sum_xx, sum_xy = 0, 0, 0, 0, 0
end

local first_calls, first_ns

local function note_reading()
  local ns = cpu_ns()
  if not first_calls then first_calls, first_ns = calls, ns end
  last = calls - first_calls
  local x, y = last, ns - first_ns
  readings, sum_x, sum_y = readings + 1, sum_x + x, sum_y + y
  sum_xx, sum_xy = sum_xx + x * x, sum_xy + x * y
end

function request()
  -- The first turn starts connections.
  if calls >= every and calls % every == 0 then note_reading() end
  calls = calls + 1
  return posted
end

-- Prints requests between the first and the last reading, nanoseconds a request, errors.
function done(summary)
  local thread, errors = threads[1], summary.errors
  local n, sx = thread:get("readings") or 0, thread:get("sum_x") or 0
  local sy, sxx, sxy = thread:get("sum_y") or 0, thread:get("sum_xx") or 0, thread:get("sum_xy") or 0
  local spread = n * sxx - sx * sx
  local slope = spread > 0 and (n * sxy - sx * sy) / spread or 0
  print(string.format("RESULT %d %.1f %d", n >= 3 and thread:get("last") or 0, slope,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
