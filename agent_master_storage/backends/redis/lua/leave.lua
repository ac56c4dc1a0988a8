-- Give a large commit up: remove what it has appended, if that is still its. -> epoch, revision
--
-- ARGV  whose commit it is
if call('GET', AHEAD) == ARGV[OWN + 1] then
  call('DEL', AHEAD)
  ready()
end
return {epoch, text(revision)}
