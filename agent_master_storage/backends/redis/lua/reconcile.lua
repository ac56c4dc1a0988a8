-- Compare keys with what is remembered of them; what others did becomes changes.
--
-- ARGV  what the values' names begin with; 'new': only keys that are not in the index;
--       then keys
-- ->    epoch, revision, how many keys were looked at, and those that can't be read
local names, only_new = ARGV[OWN + 1], ARGV[OWN + 2] == 'new'
local answer, done, size = {epoch, '', 0}, 0, 0
for i = OWN + 3, #ARGV do
  local key = ARGV[i]
  if not only_new or not call('ZSCORE', INDEX, key) then
    local stood = revision
    local meta, value, fault = stand(key, names .. key)
    -- The index alone was lost.
    if meta and only_new then call('ZADD', INDEX, 0, key) end
    -- What a key costs, in bytes: a change of it is dearer than a look.
    size = size + (revision > stood and 8192 or 1024) + #(value or '')
    if fault then answer[#answer + 1] = key end
  end
  done = done + 1
  if size > 262144 or insisted then break end
end
save()
answer[2], answer[3] = text(revision), done
return answer
