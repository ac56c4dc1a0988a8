-- Where the log stands; with an epoch, the adoption of the keys that were there is over in it.
-- ->  epoch, revision, compacted, whether adoption goes on
if ARGV[OWN + 1] == epoch and adopting ~= '0' then
  adopting = '0'
  keep()
end
return {epoch, text(revision), text(compacted), adopting}
