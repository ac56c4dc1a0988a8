-- What every script begins with: the state, and how to look at a key and append to the log.
--
-- KEYS  1 state, 2 log, 3 index, 4 entries, then the values' names
-- ARGV  1 the epoch that the caller knows, 2 the revision that it has seen there, 3 a random
--       token, 4 microseconds since 1970, 5 changes and 6 bytes that the log keeps, then the
--       script's own
--
-- entries: "<SHA-1 of the value> <revision> <created revision> <at> <actor>"
-- log:     id "<revision>-<number>", m "<previous> <created> <at> <bytes before> <actor>",
--          k key, v value (a delete has none)
local call, try = redis.call, redis.pcall
local STATE, LOG, INDEX, ENTRIES = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local OWN = 6
local now = ARGV[4]

-- Numbers are doubles here: exact to 2^53, if they are not printed by tostring().
local function text(number) return string.format('%.0f', number) end
local function random_epoch(why)
  return string.sub(redis.sha1hex(ARGV[3] .. now .. ARGV[1] .. why), 1, 32)
end

local stored = call('HMGET', STATE, 'epoch', 'revision', 'compacted', 'bytes', 'base', 'adopting')
local epoch = stored[1]
local revision = tonumber(stored[2] or '0')
local compacted = tonumber(stored[3] or '0')
-- of values, ever appended, and of those that were dropped
local bytes, base = tonumber(stored[4] or '0'), tonumber(stored[5] or '0')
local adopting = stored[6] or '0'
local before = revision

if not epoch then
  -- The first use, or it was emptied: remnants would be another store's.
  epoch, revision, compacted, bytes, base, before = random_epoch('new'), 0, 0, 0, 0, 0
  adopting = '1'
  call('HSET', STATE, 'epoch', epoch, 'revision', '0', 'compacted', '0', 'bytes', '0',
    'base', '0', 'adopting', '1')
  call('UNLINK', LOG, INDEX, ENTRIES)
elseif epoch == ARGV[1] and revision < tonumber(ARGV[2]) then
  -- Set back behind what the caller has seen.
  epoch = random_epoch('back')
  call('HSET', STATE, 'epoch', epoch)
end

local function append(number, key, value, previous, created, actor)
  local meta = previous .. ' ' .. created .. ' ' .. now .. ' ' .. text(bytes) .. ' ' .. actor
  local id = text(revision) .. '-' .. number
  if value then
    call('XADD', LOG, id, 'm', meta, 'k', key, 'v', value)
    bytes = bytes + #value
  else
    call('XADD', LOG, id, 'm', meta, 'k', key)
  end
end

-- Remember how a key stands; nil: it is gone.
local function remember(key, print, created, actor, is_new)
  local meta = print .. ' ' .. text(revision) .. ' ' .. created .. ' ' .. now .. ' ' .. actor
  call('HSET', ENTRIES, key, meta)
  if is_new then call('ZADD', INDEX, 0, key) end
  return meta
end

local function forget(key)
  call('HDEL', ENTRIES, key)
  call('ZREM', INDEX, key)
end

local function revisions(meta) return string.match(meta, '^(%d+) (%d+)', 42) end

-- What somebody else did to the key, as a change of its own.
local function note(key, value, print, meta)
  revision = revision + 1
  local previous, created = '0', text(revision)
  if meta then previous, created = revisions(meta) end
  append(0, key, value, previous, created, '')
  if value then return remember(key, print, created, '', not meta) end
  forget(key)
end

-- How the key stands: meta and value, nil when it is missing; what somebody else wrote there
-- becomes a change first. The third result: it can't be read, and why.
local function stand(key, name)
  local value, fault = try('GET', name), nil
  local meta = call('HGET', ENTRIES, key)
  if type(value) == 'table' then
    fault, value = value.err, false
    if not string.find(fault, 'WRONGTYPE', 1, true) then return nil, nil, fault end
  end
  if value then
    local print = redis.sha1hex(value)
    if meta and string.sub(meta, 1, 40) == print then return meta, value end
    return note(key, value, print, meta), value
  end
  if meta then note(key, nil, nil, meta) end
  return nil, nil, fault
end

-- Drop the log up to a revision.
local function drop(through)
  call('XTRIM', LOG, 'MINID', '=', text(through + 1) .. '-0')
  local first = call('XRANGE', LOG, '-', '+', 'COUNT', 1)[1]
  compacted = through
  base = first and tonumber(string.match(first[2][2], '^%d+ %d+ %d+ (%d+)')) or bytes
  call('HSET', STATE, 'compacted', text(compacted), 'base', text(base))
end

-- Drop the oldest revisions down to the limits: seldom, because of the slack, and a few at once.
local function trim(appended)
  local limit, most = tonumber(ARGV[5]), tonumber(ARGV[6])
  local held, size = call('XLEN', LOG), bytes - base
  if held <= limit + math.min(limit / 10, 100) and size <= most + math.min(most / 10, 524288) then
    return
  end
  local through, from = nil, '-'
  local left = 250 + 2 * appended
  while (held > limit or size > most) and left > 0 do
    -- About 64 KiB of values a look.
    local count = math.max(1, math.min(50, math.floor(65536 * held / (size + 1))))
    local found = call('XRANGE', LOG, from, '+', 'COUNT', count)
    if #found == 0 then break end
    for _, record in ipairs(found) do
      if held <= limit and size <= most then break end
      local own = tonumber(string.match(record[1], '^%d+'))
      -- The newest stays, however large: a watcher could never read it otherwise.
      if own >= revision then left = 0 break end
      through, held, size = own, held - 1, size - #(record[2][6] or '')
    end
    from, left = '(' .. found[#found][1], left - #found
  end
  if through then drop(through) end
end

-- To be called before each return.
local function save(appended)
  if revision == before then return end
  call('HSET', STATE, 'revision', text(revision), 'bytes', text(bytes))
  trim(appended or (revision - before))
end
