-- What every script begins with: the state, and how to look at a key and append to the log.
--
-- KEYS  1 entries, 2 log, 3 index, 4 ahead, then the values' names
-- ARGV  1 the epoch that the caller knows, 2 the revision that it has seen there, 3 a random
--       token, 4 microseconds since 1970, 5 changes and 6 bytes that the log keeps, then the
--       script's own
--
-- entries: "<SHA-1 of the value> <revision> <created revision> <at> <actor>", and the state
-- log:     id "<revision>-<number>", numbers from 0 on, or from more where some were removed;
--          m "<previous> <created> <at> <bytes before> <actor>", k key, v value (a delete has none)
local call, try = redis.call, redis.pcall
local ENTRIES, LOG, INDEX, AHEAD = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local VALUES, OWN = 4, 6
local now = ARGV[4]

-- Numbers are doubles here: exact to 2^53, if they are not printed by tostring().
local function text(number) return string.format('%.0f', number) end
local function random_epoch(why)
  return string.sub(redis.sha1hex(ARGV[3] .. now .. ARGV[1] .. why), 1, 32)
end

-- The state stands where the entry of an empty key would. bytes, base: of values, ever appended, and
-- of those that were dropped. adopting: keys from before are still being taken in.
local epoch, revision, bytes, base, compacted, adopting = string.match(
  call('HGET', ENTRIES, '') or '', '^(%S+) (%d+) (%d+) (%d+) (%d+) ([01]) *$')
revision, bytes = tonumber(revision or 0), tonumber(bytes or 0)
base, compacted = tonumber(base or 0), tonumber(compacted or 0)
local before = revision

-- Above 64 bytes, by which Redis makes a table of the hash: it would search a small one from its
-- beginning, for each of many keys.
local PADDING = string.rep(' ', 24)
-- A server that is out of memory refuses what may take some, as long as a script has not written.
-- Where INSISTS says so, the script brings nothing of its caller: what takes next to none, and must
-- be known, is done all the same. From then on nothing is refused, so it must soon end.
local insisted = false
local function insist(command)
  local done = try(unpack(command))
  if type(done) == 'table' and done.err then
    if INSISTS and string.find(done.err, 'OOM', 1, true) then
      call('HDEL', ENTRIES, '\0')
      insisted = true
    end
    call(unpack(command))
  end
end

local function keep()
  insist({'HSET', ENTRIES, '', table.concat(
    {epoch, text(revision), text(bytes), text(base), text(compacted), adopting, PADDING}, ' ')})
end

local function begin(why)
  epoch = random_epoch(why)
  keep()
end

if not epoch then
  -- The first use, or it was emptied: remnants would be another store's.
  call('UNLINK', ENTRIES, LOG, INDEX, AHEAD)
  adopting = '1'
  begin('new')
elseif epoch == ARGV[1] and revision < tonumber(ARGV[2]) then
  -- Set back behind what the caller has seen.
  begin('back')
end

-- The next revision, as text too, and where the numbers of its records begin.
local own, first
local function advance()
  revision, first = revision + 1, 0
  own = text(revision)
end

-- The newest record of the log, if it is of a revision above this one: of a large commit that goes
-- on, or was broken off.
local function ahead(newest)
  -- Nearly always there is none, and no value is read in vain.
  if call('XRANGE', LOG, text(newest + 1) .. '-0', '+', 'COUNT', 1)[1] then
    return call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
  end
end

-- Nothing is ahead. One that goes on is waited for, and the caller asks again; it is alive while it
-- says so, see begin.lua. What another has left is removed.
local function ready(newest)
  newest = newest or revision
  local top = ahead(newest)
  if not top then return end
  if call('EXISTS', AHEAD) == 1 then error('AHEAD: a large commit is being made') end
  -- First what a server that is out of memory refuses, as in apply.lua.
  call('SET', AHEAD, '', 'PX', 1)
  local its, last = string.match(top[1], '(%d+)-(%d+)')
  for first = 0, tonumber(last), 100 do
    local ids = {}
    for number = first, math.min(first + 99, last) do ids[#ids + 1] = its .. '-' .. number end
    call('XDEL', LOG, unpack(ids))
  end
  -- Should it live after all, its WATCH tells it.
  call('HSET', ENTRIES, '', call('HGET', ENTRIES, ''))
end

-- Redis gives no id a second time: where the numbers begin, once some were removed.
local function next_number()
  local info = call('XINFO', 'STREAM', LOG)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      local its, last = string.match(info[i + 1], '(%d+)-(%d+)')
      if its == own then return tonumber(last) + 1 end
    end
  end
  -- It goes further than the state: it is another life's.
  call('UNLINK', LOG)
  compacted = revision - 1
  return 0
end

local function append(number, key, value, previous, created, actor)
  local meta = previous .. ' ' .. created .. ' ' .. now .. ' ' .. text(bytes) .. ' ' .. actor
  local record = {'XADD', LOG, own .. '-' .. first + number, 'm', meta, 'k', key}
  if value then record[8], record[9] = 'v', value end
  local done = try(unpack(record))
  if type(done) == 'table' then
    if string.find(done.err, 'equal or smaller', 1, true) then
      ready(revision - 1)
      first = next_number()
      record[3] = own .. '-' .. first
    end
    if value then call(unpack(record)) else insist(record) end
  end
  bytes = bytes + #(value or '')
  return record[3]
end

local function described(print, created, actor)
  return print .. ' ' .. own .. ' ' .. created .. ' ' .. now .. ' ' .. actor
end

local function remember(key, print, created, actor, is_new)
  local meta = described(print, created, actor)
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
  advance()
  local previous, created = '0', own
  if meta then previous, created = revisions(meta) end
  append(0, key, value, previous, created, '')
  if value then return remember(key, print, created, '', not meta) end
  forget(key)
end

-- What the key's value and what is remembered of it say: meta and value, nil when it is missing;
-- what somebody else wrote there becomes a change first.
local function judge(key, value, meta)
  if value then
    local print = redis.sha1hex(value)
    if meta and string.sub(meta, 1, 40) == print then return meta, value end
    return note(key, value, print, meta), value
  end
  if meta then note(key, nil, nil, meta) end
end

-- How the key stands, as judge() has it. The third result: it can't be read, and why.
local function stand(key, name)
  local value, fault = try('GET', name), nil
  if type(value) == 'table' then
    fault, value = value.err, false
    -- Another is none of the key, and is raised as it is.
    if not string.find(fault, 'WRONGTYPE', 1, true) then call('GET', name) end
  end
  local meta
  meta, value = judge(key, value, call('HGET', ENTRIES, key))
  return meta, value, fault
end

-- Drop the log up to a revision.
local function drop(through)
  if through <= compacted then return end
  call('XTRIM', LOG, 'MINID', '=', text(through + 1) .. '-0')
  local first = call('XRANGE', LOG, '-', '+', 'COUNT', 1)[1]
  compacted = through
  base = first and tonumber(string.match(first[2][2], '^%d+ %d+ %d+ (%d+)')) or bytes
  keep()
end

-- Which revision to drop up to, where the count alone is too high: cut there, and see.
local function cut(held, limit, left)
  call('XTRIM', LOG, 'MAXLEN', '=', text(math.max(limit, held - left)))
  local first = call('XRANGE', LOG, '-', '+', 'COUNT', 1)[1]
  local own, number = string.match(first[1], '(%d+)-(%d+)')
  -- No revision is left in part, and the newest is left.
  return math.min(tonumber(own) - (number == '0' and 1 or 0), revision - 1)
end

-- Which revision to drop up to, by the size of each value; nil: none.
local function weigh(held, limit, size, most, left)
  local through, from = nil, '-'
  while (held > limit or size > most) and left > 0 do
    -- About 64 KiB of values a look.
    local count = math.max(1, math.min(50, math.floor(65536 * held / (size + 1))))
    local found = call('XRANGE', LOG, from, '+', 'COUNT', count)
    if #found == 0 then break end
    for _, record in ipairs(found) do
      if held <= limit and size <= most then break end
      local own = tonumber(string.match(record[1], '^%d+'))
      -- The newest stays, however large: a watcher could never read it otherwise.
      if own >= revision then return through end
      through, held, size = own, held - 1, size - #(record[2][6] or '')
    end
    from, left = '(' .. found[#found][1], left - #found
  end
  return through
end

-- Drop the oldest revisions down to the limits: seldom, because of the slack, and a few at once.
local function trim(appended, left)
  local limit, most = tonumber(ARGV[5]), tonumber(ARGV[6])
  local held, size = call('XLEN', LOG), bytes - base
  if held <= limit + math.min(limit / 10, 100) and size <= most + math.min(most / 10, 524288) then
    return
  end
  -- What is ahead counts for nothing yet.
  if ahead(revision) then return end
  local through
  if size <= most and appended < limit then
    through = cut(held, limit, left)
  else
    through = weigh(held, limit, size, most, left)
  end
  if through then drop(through) end
end

-- To be called before each return.
local function save(appended)
  if revision == before then return end
  keep()
  appended = appended or (revision - before)
  trim(appended, 250 + 2 * appended)
end
