-- wrk: one new diary report a request, each of another patient, with a submission id of its own.
-- BENCH_TOKENS: file of `patient id<TAB>token` lines. BENCH_RUN: four hex digits of this run.
-- BENCH_IDS: v7 as phones make them, or v4.
local heads, patients = {}, {}
local fmt = string.format
for line in io.lines(os.getenv("BENCH_TOKENS")) do
  local patient, token = line:match("^(%S+)%s+(%S+)$")
  patients[#patients + 1] = patient
  heads[#heads + 1] = "POST /api/v1/intake/epro-reports/ HTTP/1.1\r\nHost: 127.0.0.1\r\n" ..
    "Content-Type: application/json\r\nAuthorization: Bearer " .. token .. "\r\nContent-Length: "
end
local run = tonumber(os.getenv("BENCH_RUN") or "0", 16)
local v4 = os.getenv("BENCH_IDS") == "v4"
local today = os.date("!%Y-%m-%dT")
local n = 0

local function submission_id()
  if v4 then
    return fmt("%08x-%04x-4%03x-8%03x-%06x%06x", math.random(0, 2 ^ 31 - 1), math.random(0, 65535),
      math.random(0, 4095), math.random(0, 4095), run, n)
  end
  -- Some ten thousand of these a second: the counter gives each its place in the millisecond.
  local ms = os.time() * 1000 + math.floor(n / 10) % 1000
  local high = math.floor(ms / 65536)
  return fmt("%08x-%04x-7%03x-8%03x-%06x%06x", high, ms % 65536, n % 4096, run % 4096, run, n)
end

function init()
  math.randomseed(os.time() + run)
end

function request()
  n = n + 1
  local place = (n * 7919) % #heads + 1
  local at = fmt("%s%02d:%02d:%02d.%03dZ", today, 0, n % 60, (n * 7) % 60, n % 1000)
  local body = fmt('{"submission_id":"%s","patient":"%s","instrument":"daily-diary",' ..
    '"instrument_version":"1.0","authored_at":"%s","originator":"participant",' ..
    '"answers":{"pain":%d,"nausea":%d,"note":"slept well, mild headache %d"},"vitals":[' ..
    '{"code":"heart_rate","value":%d,"unit":"/min","measured_at":"%s"}]}',
    submission_id(), patients[place], at, n % 11, n % 5, n, 55 + n % 60, at)
  return heads[place] .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency, requests)
  io.write(fmt('JSON{"requests":%d,"duration_us":%d,"connect":%d,"read":%d,"write":%d,' ..
    '"status":%d,"timeout":%d,"p50":%.2f,"p95":%.2f,"p99":%.2f,"max":%.2f}\n',
    summary.requests, summary.duration, summary.errors.connect, summary.errors.read,
    summary.errors.write, summary.errors.status, summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    latency:percentile(99) / 1000, latency.max / 1000))
end
