-- Drop the log up to a revision, in steps. -> epoch, revision, compacted
local through = math.min(tonumber(ARGV[OWN + 1]), revision, compacted + 200)
if through > compacted then drop(through) end
return {epoch, text(revision), text(compacted)}
