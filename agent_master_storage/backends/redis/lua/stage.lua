-- Append a part of a large commit to the log, ahead of its revision: it is there when the state
-- says so, in the end. -> epoch, revision, whether to go on
--
-- ARGV  whose commit it is; for how many milliseconds others wait for the next part, or the end;
--       then of each record: id, m, key, value or '', whether it has one
if call('GET', AHEAD) ~= ARGV[OWN + 1] then return {epoch, text(revision), 0} end
call('SET', AHEAD, ARGV[OWN + 1], 'PX', ARGV[OWN + 2])
for i = OWN + 3, #ARGV, 5 do
  local id, meta, key, value, is_write = unpack(ARGV, i, i + 4)
  if is_write == '1' then
    call('XADD', LOG, id, 'm', meta, 'k', key, 'v', value)
  else
    call('XADD', LOG, id, 'm', meta, 'k', key)
  end
end
return {epoch, text(revision), 1}
