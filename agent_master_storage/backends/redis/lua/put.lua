-- One write without a condition, where all is as it was left: what nearly all writes are, in half
-- the time. Anything else is left to apply.lua, and nothing is done here.
--
-- There are two ways to call it. Who knows the whole state says what comes of it; if it stands as
-- he says, the server need not work that out. Who knows less, or wants the log's size looked at,
-- gives the beginning of the state, and nothing of the rest.
--
-- KEYS  1 entries, 2 log, 3 index, 4 the value's name
-- ARGV  1 the state, or its epoch and revision; 2 the revision that comes of it, 3 the bytes
--       before that, 4 the state after it
--       5 microseconds since 1970, 6 actor, 7 key, 8 value, 9 its SHA-1
--       10 the writes between two looks at the log's size, changes and bytes above which it is
--       trimmed
-- ->    the state, or nothing
local call, key, value = redis.call, ARGV[7], ARGV[8]
local kept = call('HMGET', KEYS[1], '', key)
local state, meta, own, bytes, after = kept[1], kept[2], ARGV[2], ARGV[3], ARGV[4]
if state ~= ARGV[1] then
  local match, text = string.match, function(number) return string.format('%.0f', number) end
  local known, seen = match(ARGV[1], '^(%S+) (%d+)')
  local epoch, revision, size, rest = match(state or '', '^(%S+) (%d+) (%d+)(.*)')
  if not epoch or epoch ~= known or revision + 0 < seen + 0 then return false end
  local every, most, largest = match(ARGV[10], '^(%d+) (%d+) (%d+)')
  if revision % every == 0 then
    local held = size + #value - match(rest, '%d+')
    if held > largest + 0 or call('XLEN', KEYS[2]) >= most + 0 then return false end
  end
  own, bytes = text(revision + 1), size
  after = epoch .. ' ' .. own .. ' ' .. text(size + #value) .. rest
end

local stands = redis.pcall('GET', KEYS[4])
local previous, created = '0', own
if meta then
  if type(stands) ~= 'string' or string.sub(meta, 1, 40) ~= redis.sha1hex(stands) then
    return false
  end
  previous, created = string.match(meta, '^(%d+) (%d+)', 42)
elseif stands then
  return false
end

local by = created .. ' ' .. ARGV[5] .. ' '
-- Refused where a large commit has appended something ahead.
local added = redis.pcall('XADD', KEYS[2], own .. '-0',
  'm', previous .. ' ' .. by .. bytes .. ' ' .. ARGV[6], 'k', key, 'v', value)
if type(added) == 'table' then return false end
call('SET', KEYS[4], value)
if not meta then call('ZADD', KEYS[3], 0, key) end
call('HSET', KEYS[1], key, ARGV[9] .. ' ' .. own .. ' ' .. by .. ARGV[6], '', after)
return after
