-- Some entries in the order of their keys.
--
-- ARGV  what the values' names begin with; from, to, as ZRANGEBYLEX has them; at most so many
--       keys; what is wanted: values, sizes, or nothing but the meta
-- ->    epoch, revision, the key to go on after or '', then key, meta, value of each
local names, wanted = ARGV[OWN + 1], ARGV[OWN + 5]
local limit = tonumber(ARGV[OWN + 4])
local keys = call('ZRANGEBYLEX', INDEX, ARGV[OWN + 2], ARGV[OWN + 3], 'LIMIT', 0, limit)
local answer, size, after = {epoch, '', ''}, 0, ''
for i, key in ipairs(keys) do
  local meta, value
  if wanted == 'values' then
    meta, value = stand(key, names .. key)
    size = size + #(value or '')
  else
    meta, value = call('HGET', ENTRIES, key), ''
    if wanted == 'sizes' then value = try('STRLEN', names .. key) end
    -- What is no string is no entry: that others have made it so is noted elsewhere.
    if type(value) == 'table' then
      if not string.find(value.err, 'WRONGTYPE', 1, true) then call('STRLEN', names .. key) end
      meta = nil
    end
  end
  if meta then
    local n = #answer
    answer[n + 1], answer[n + 2], answer[n + 3] = key, meta, value
  end
  if i == limit or size > 262144 or insisted then
    after = key
    break
  end
end
save()
answer[2], answer[3] = text(revision), after
return answer
