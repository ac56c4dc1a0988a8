-- One write without a condition, where all is as it was left: what nearly all writes are, in half
-- the time. Anything else is left to apply.lua, and nothing is done here.
--
-- KEYS  1 entries, 2 log, 3 index, 4 the value's name
-- ARGV  1 the epoch and 2 the revision that the caller knows, 3 microseconds since 1970, 4 actor,
--       5 key, 6 value, 7 its SHA-1, 8 the writes between two looks at the log's size, 9 changes
--       and 10 bytes above which it is trimmed
-- ->    the revision, or nothing
local call, key, value = redis.call, ARGV[5], ARGV[6]
local kept = call('HMGET', KEYS[1], '', key)
local epoch, revision, bytes, rest = string.match(kept[1] or '', '^(%S+) (%d+) (%d+)(.*)')
if epoch ~= ARGV[1] or revision + 0 < ARGV[2] + 0 then return false end
if revision % ARGV[8] == 0 then
  local size = bytes + #value - string.match(rest, '%d+')
  if size > ARGV[10] + 0 or call('XLEN', KEYS[2]) >= ARGV[9] + 0 then return false end
end

local stands, meta = redis.pcall('GET', KEYS[4]), kept[2]
revision = string.format('%.0f', revision + 1)
local previous, created = '0', revision
if meta then
  if type(stands) ~= 'string' or string.sub(meta, 1, 40) ~= redis.sha1hex(stands) then
    return false
  end
  previous, created = string.match(meta, '^(%d+) (%d+)', 42)
elseif stands then
  return false
end

local by = created .. ' ' .. ARGV[3] .. ' '
-- Refused where a large commit has appended something ahead.
local added = redis.pcall('XADD', KEYS[2], revision .. '-0',
  'm', previous .. ' ' .. by .. bytes .. ' ' .. ARGV[4], 'k', key, 'v', value)
if type(added) == 'table' then return false end
call('SET', KEYS[4], value)
if not meta then call('ZADD', KEYS[3], 0, key) end
call('HSET', KEYS[1], key, ARGV[7] .. ' ' .. revision .. ' ' .. by .. ARGV[4],
  '', epoch .. ' ' .. revision .. ' ' .. string.format('%.0f', bytes + #value) .. rest)
return revision
