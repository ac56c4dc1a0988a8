-- Begin a large commit: append its first record to the log, ahead of its revision, where nobody
-- reads. From here on others who append wait, as long as stage.lua is not late.
-- -> epoch, revision, the state as it is kept, the id of the record
--
-- ARGV  whose commit it is; for how many milliseconds they wait for the next part; actor, key,
--       value or '', whether it has one
local actor, key, value = ARGV[OWN + 3], ARGV[OWN + 4], ARGV[OWN + 5]
ready()
call('SET', AHEAD, ARGV[OWN + 1], 'PX', ARGV[OWN + 2])
local newest, meta = revision, call('HGET', ENTRIES, key)
advance()
local previous, created = '0', own
if meta then previous, created = revisions(meta) end
local id = append(0, key, ARGV[OWN + 6] == '1' and value or nil, previous, created, actor)
return {epoch, text(newest), call('HGET', ENTRIES, ''), id}
