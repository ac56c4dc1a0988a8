-- One write without a condition, where all is as it was left: what nearly all writes are, in half
-- the time. Anything else is left to apply.lua, and nothing is done here.
--
-- KEYS  1 state, 2 log, 3 index, 4 entries, 5 the value's name
-- ARGV  1 the epoch and 2 the revision that the caller knows, 3 microseconds since 1970, 4 changes and
--       5 bytes above which the log is trimmed, 6 actor, 7 key, 8 value, 9 its SHA-1,
--       10 the writes between two looks at the log's length
-- ->    the revision, or nothing
local call, entries, name, key = redis.call, KEYS[4], KEYS[5], ARGV[7]
local state = call('HMGET', KEYS[1], 'epoch', 'revision', 'bytes', 'base')
if state[1] ~= ARGV[1] then return false end
local revision, bytes = tonumber(state[2]), tonumber(state[3])
-- Above that, numbers need more care than they are given here.
if revision < tonumber(ARGV[2]) or revision > 9e13 or bytes > 9e13 then return false end
if bytes + #ARGV[8] - state[4] > tonumber(ARGV[5]) then return false end
-- The log's length is looked at now and then; how often follows from what it may hold.
if revision % ARGV[10] == 0 and call('XLEN', KEYS[2]) >= tonumber(ARGV[4]) then return false end

local value, meta = redis.pcall('GET', name), call('HGET', entries, key)
local previous, created = '0', revision + 1
if meta then
  if type(value) ~= 'string' or string.sub(meta, 1, 40) ~= redis.sha1hex(value) then
    return false
  end
  previous, created = string.match(meta, '^(%d+) (%d+)', 42)
elseif value then
  return false
end

revision = revision + 1
local rest = created .. ' ' .. ARGV[3] .. ' '
call('XADD', KEYS[2], revision .. '-0', 'm',
  previous .. ' ' .. rest .. bytes .. ' ' .. ARGV[6], 'k', key, 'v', ARGV[8])
call('SET', name, ARGV[8])
call('HSET', entries, key, ARGV[9] .. ' ' .. revision .. ' ' .. rest .. ARGV[6])
if not meta then call('ZADD', KEYS[3], 0, key) end
call('HSET', KEYS[1], 'revision', revision, 'bytes', bytes + #ARGV[8])
return revision
