-- What wrk sends and checks, from its environment; the last line printed is a JSON object with the figures.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = os.getenv("WRK_BODY")

local expected = os.getenv("WRK_EXPECTED")
local threads = {}
wrong = 0

function setup(thread)
   table.insert(threads, thread)
end

function response(status, headers, body)
   if status ~= 200 or not string.find(body, expected, 1, true) then
      wrong = wrong + 1
   end
end

function done(summary, latency, requests)
   local all = 0
   for _, thread in ipairs(threads) do
      all = all + thread:get("wrong")
   end
   local e = summary.errors
   io.write(string.format(
      '{"requests":%d,"duration_us":%d,"wrong":%d,"failed":%d,"p50_us":%d,"p99_us":%d}\n',
      summary.requests, summary.duration, all, e.connect + e.read + e.write + e.timeout,
      latency:percentile(50), latency:percentile(99)))
end
