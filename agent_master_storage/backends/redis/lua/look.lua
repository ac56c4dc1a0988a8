-- The entry of one key. -> epoch, revision, then meta and value, or '' and why it can't be read
local meta, value, fault = stand(ARGV[OWN + 1], KEYS[VALUES + 1])
save()
if fault then return {epoch, text(revision), '', fault} end
if not meta then return {epoch, text(revision)} end
return {epoch, text(revision), meta, value}
