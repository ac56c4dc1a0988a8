-- Drop the oldest revisions down to the limits, some of them. -> epoch, revision, whether any went
--
-- ARGV  at most how many changes may go now
local held = compacted
-- By the size of each: how many the newest revision has is not known here.
trim(math.huge, tonumber(ARGV[OWN + 1]))
return {epoch, text(revision), compacted > held and 1 or 0}
