-- Some of the log, in order.
--
-- ARGV  after this revision, and after this id; at most so many; key or prefix; which
-- ->    epoch, revision, compacted, the id to go on after or '', then the records
local since = tonumber(ARGV[OWN + 1])
local from, left = ARGV[OWN + 2], tonumber(ARGV[OWN + 3])
local by_key, wanted = ARGV[OWN + 4] == 'key', ARGV[OWN + 5]
local length = #wanted
local answer = {epoch, text(revision), text(compacted), ''}
if since < compacted or since >= revision then return answer end

local held, cost = call('XLEN', LOG), 0
local started = from ~= ''
from = started and '(' .. from or text(since + 1) .. '-0'
local count = math.max(1, math.min(100, math.floor(65536 * held / (bytes - base + 1))))
while true do
  local found = call('XRANGE', LOG, from, '+', 'COUNT', count)
  local first = found[1] and tonumber(string.match(found[1][1], '^%d+'))
  if not started and first ~= since + 1 then
    -- The stream was removed, or evicted, without the state.
    compacted = first and first - 1 or revision
    keep()
    answer[3] = text(compacted)
    return answer
  end
  started = true
  for _, record in ipairs(found) do
    -- What a large commit has appended ahead.
    if tonumber(string.match(record[1], '^%d+')) > revision then return answer end
    local key, value = record[2][4], record[2][6]
    -- In bytes: a record is dear, however small.
    cost = cost + 2048 + #(value or '')
    if key == wanted or (not by_key and string.sub(key, 1, length) == wanted) then
      answer[#answer + 1] = record
      left = left - 1
    end
    if left <= 0 or cost >= 524288 then
      answer[4] = record[1]
      return answer
    end
  end
  if #found < count then return answer end
  from = '(' .. found[#found][1]
end
