-- Begin a new epoch, or only if the store is still in the one named. -> epoch, revision, compacted
local named = ARGV[OWN + 1]
if named == '' or named == epoch then
  begin('renewed')
end
return {epoch, text(revision), text(compacted)}
