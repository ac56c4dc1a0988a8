-- Drop the oldest revisions down to the limits, some of them. -> epoch, revision, whether any went
--
-- ARGV  how many changes were just appended, and at most how many may go now
local held = compacted
trim(tonumber(ARGV[OWN + 1]), tonumber(ARGV[OWN + 2]))
return {epoch, text(revision), compacted > held and 1 or 0}
