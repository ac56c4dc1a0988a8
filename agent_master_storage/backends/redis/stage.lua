-- Append a part of a large commit to the log, ahead of its revision: it is there when the state says
-- so, in the end. -> epoch, revision, whether to go on
--
-- ARGV  the state that the caller has read; for how many milliseconds others wait for the next part,
--       or the end; id and m of the last record that was appended; then of each record: id, m, key,
--       value or '', whether it has one
local top = ahead(revision)
if call('HGET', ENTRIES, '') ~= ARGV[OWN + 1]
  or not top or top[1] ~= ARGV[OWN + 3] or top[2][2] ~= ARGV[OWN + 4]
then
  return {epoch, text(revision), 0}
end
call('SET', AHEAD, '', 'PX', ARGV[OWN + 2])
for i = OWN + 5, #ARGV, 5 do
  local id, meta, key, value, is_write = unpack(ARGV, i, i + 4)
  if is_write == '1' then
    call('XADD', LOG, id, 'm', meta, 'k', key, 'v', value)
  else
    call('XADD', LOG, id, 'm', meta, 'k', key)
  end
end
return {epoch, text(revision), 1}
