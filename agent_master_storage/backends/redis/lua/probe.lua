-- Whether the user may do all that the scripts do: an error half-way would leave half of a write.
-- Without a trace. -> why not, or nothing
--
-- ARGV  a name that only this uses, and one among the values where nothing is
local place, value = ARGV[OWN + 1], ARGV[OWN + 2]
for _, command in ipairs({
  {'DEL', value}, {'GET', value}, {'DEL', place},
  {'SET', place, '', 'PX', 1000}, {'MSET', place, ''}, {'MGET', place}, {'EXISTS', place},
  {'STRLEN', place}, {'UNLINK', place},
  {'XADD', place, '1-0', 'a', 'b'}, {'XLEN', place}, {'XRANGE', place, '-', '+'},
  {'XREVRANGE', place, '+', '-'}, {'XDEL', place, '1-1'}, {'XINFO', 'STREAM', place},
  {'XTRIM', place, 'MINID', '=', '2-0'}, {'DEL', place},
  {'HSET', place, 'a', 'b'}, {'HGET', place, 'a'}, {'HMGET', place, 'a'},
  {'HDEL', place, 'a'}, {'DEL', place},
  {'ZADD', place, 0, 'a'}, {'ZSCORE', place, 'a'}, {'ZRANGEBYLEX', place, '-', '+'},
  {'ZREM', place, 'a'},
}) do
  local answer = try(unpack(command))
  if type(answer) == 'table' and answer.err then
    local refused = string.find(answer.err, 'NOPERM', 1, true)
      or string.find(answer.err, 'executing the script', 1, true)
      or string.find(answer.err, 'ACL failure', 1, true)
    if refused then return command[1] .. ': ' .. answer.err end
  end
end
return ''
