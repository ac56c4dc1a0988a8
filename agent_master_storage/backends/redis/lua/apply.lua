-- Do all of the operations as one revision, or none of them.
--
-- ARGV  actor, then for each operation: w, d or c; the revision that it must stand at, or
--       nothing; key; value; its SHA-1. Its value's name is in KEYS.
-- ->    ok, epoch, revision, and previous and created revision of each write and delete
--       no, epoch, revision, and the revision at which the key of each operation stands
--       wrong, epoch, revision, the number of an operation, why its key can't be read
local actor = ARGV[OWN + 1]
local count = (#ARGV - OWN - 1) / 5
local at, keys, names = {}, {}, {}
for i = 1, count do
  at[i] = OWN + 5 * i - 3
  keys[i], names[i] = ARGV[at[i] + 2], KEYS[VALUES + i]
end

-- A command for many at once: several times cheaper than one for each.
local function each(list, most, take, ...)
  for first = 1, #list, most do
    local words = {...}
    for i = first, math.min(first + most - 1, #list) do words[#words + 1] = list[i] end
    local answer = call(unpack(words))
    if take then take(first - 1, answer) end
  end
end

-- How the keys stand. Few values at once: they may be large.
local remembered, metas, noted, wrong, why = {}, {}, {}, nil, nil
each(keys, 1000, function(before_first, found)
  for i, meta in ipairs(found) do remembered[before_first + i] = meta end
end, 'HMGET', ENTRIES)
each(names, 50, function(before_first, values)
  local absent = {}
  for n, value in ipairs(values) do
    if not value then absent[#absent + 1] = names[before_first + n] end
  end
  -- MGET does not tell what is missing from what is no string.
  local strange = #absent > 0 and call('EXISTS', unpack(absent)) > 0
  for n, value in ipairs(values) do
    local i, stood, fault = before_first + n, revision, nil
    local key = keys[i]
    if strange or noted[key] then
      metas[i], value, fault = stand(key, names[i])
    else
      metas[i] = judge(key, value, remembered[i])
    end
    if revision > stood then noted[key] = true end
    if fault and not wrong then wrong, why = i, fault end
  end
end, 'MGET')
if wrong then
  save()
  return {'wrong', epoch, text(revision), wrong, why}
end

local current, refused = {}, false
for i = 1, count do
  local stands = metas[i] and string.match(metas[i], '^%d+', 42) or '0'
  local wanted = ARGV[at[i] + 1]
  if (wanted ~= '' and wanted ~= stands) or (ARGV[at[i]] == 'd' and stands == '0') then
    refused = true
  end
  current[i] = stands
end
if refused then
  save()
  return {'no', epoch, text(revision), unpack(current)}
end

local written, entered, new, gone, left = {}, {}, {}, {}, {}
for i = 1, count do
  if ARGV[at[i]] == 'w' then
    written[#written + 1], written[#written + 2] = names[i], ARGV[at[i] + 3]
  elseif ARGV[at[i]] == 'd' then
    gone[#gone + 1], left[#left + 1] = names[i], keys[i]
  end
end
if #written + #gone == 0 then
  save()
  return {'ok', epoch, text(revision)}
end
-- Before anything is written.
ready()
-- First what a server that is out of memory refuses, and then nothing was done; or what it does not
-- refuse, and then it lets the rest happen.
each(written, 1000, nil, 'MSET')
each(gone, 1000, nil, 'DEL')

advance()
local answer, number = {'ok', epoch, own}, 0
for i = 1, count do
  local op, key, value = ARGV[at[i]], keys[i], ARGV[at[i] + 3]
  if op ~= 'c' then
    local previous, created = '0', own
    if metas[i] then previous, created = revisions(metas[i]) end
    append(number, key, op == 'w' and value or nil, previous, created, actor)
    if op == 'w' then
      entered[#entered + 1] = key
      entered[#entered + 1] = described(ARGV[at[i] + 4], created, actor)
      if not metas[i] then new[#new + 1], new[#new + 2] = '0', key end
    end
    number = number + 1
    answer[2 * number + 2], answer[2 * number + 3] = previous, created
  end
end
each(entered, 1000, nil, 'HSET', ENTRIES)
each(new, 1000, nil, 'ZADD', INDEX)
each(left, 1000, nil, 'HDEL', ENTRIES)
each(left, 1000, nil, 'ZREM', INDEX)
save(number)
return answer
