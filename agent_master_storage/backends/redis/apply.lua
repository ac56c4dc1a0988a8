-- Do all of the operations as one revision, or none of them.
--
-- ARGV  actor, then for each operation: w, d or c; the revision that it must stand at, or
--       nothing; key; value; its SHA-1. Its value's name is in KEYS.
-- ->    ok, epoch, revision, and previous and created revision of each write and delete
--       no, epoch, revision, and the revision at which the key of each operation stands
--       wrong, epoch, revision, the number of an operation, why its key can't be read
local actor = ARGV[OWN + 1]
local count = (#ARGV - OWN - 1) / 5
local metas, current, refused, size = {}, {}, false, 0

for i = 1, count do
  local o = OWN + 5 * i - 3
  local meta, _, fault = stand(ARGV[o + 2], KEYS[3 + i])
  if fault then
    save()
    return {'wrong', epoch, text(revision), i, fault}
  end
  metas[i] = meta or false
end
for i = 1, count do
  local o = OWN + 5 * i - 3
  local stands = metas[i] and string.match(metas[i], '^%d+', 42) or '0'
  local wanted = ARGV[o + 1]
  if (wanted ~= '' and wanted ~= stands) or (ARGV[o] == 'd' and stands == '0') then
    refused = true
  end
  current[i] = stands
end
if refused then
  save()
  return {'no', epoch, text(revision), unpack(current)}
end

revision = revision + 1
local answer, number = {'ok', epoch, text(revision)}, 0
for i = 1, count do
  local o = OWN + 5 * i - 3
  local op, key, value, meta = ARGV[o], ARGV[o + 2], ARGV[o + 3], metas[i]
  if op ~= 'c' then
    local previous, created = '0', text(revision)
    if meta then previous, created = revisions(meta) end
    if op == 'w' then
      append(number, key, value, previous, created, actor)
      call('SET', KEYS[3 + i], value)
      remember(key, ARGV[o + 4], created, actor, not meta)
    else
      -- First: a server that is out of memory lets this happen.
      call('DEL', KEYS[3 + i])
      forget(key)
      append(number, key, nil, previous, created, actor)
    end
    number = number + 1
    answer[2 * number + 2], answer[2 * number + 3] = previous, created
  end
end
if number == 0 then revision = revision - 1 end
answer[3] = text(revision)
save(number)
return answer
