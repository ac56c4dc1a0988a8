-- Whether the log still holds a record that the caller has read: a store that was set back and
-- written on may have another in its place. -> epoch, revision
--
-- ARGV  the epoch in which it was read, its id, its m
local own = tonumber(string.match(ARGV[OWN + 2], '^%d+'))
if ARGV[OWN + 1] == epoch and own > compacted then
  local found = call('XRANGE', LOG, ARGV[OWN + 2], ARGV[OWN + 2])[1]
  if not found or found[2][2] ~= ARGV[OWN + 3] then
    begin('other')
  end
end
return {epoch, text(revision)}
