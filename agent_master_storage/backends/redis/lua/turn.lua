-- Whose turn it is to compare everything: one process at a time does it for all.
--
-- KEYS  1 sweeps, hash: begun and done, the numbers of the last one begun and the last one done;
--       of that `at`, when it began, and how long it took; holder, who is at it now, until when
--       it need not be heard of, and whether somebody waits for it. All times in ms
-- ARGV  1 who asks, a name that it uses once; 2 what: begin, go on, end or leave; 3 ms that a
--       holder need not be heard of; then for
--       begin: 4 the number begun when what it wants compared was there, or nothing: now;
--              5 ms for which one done lately will do, or 0; 6 ms between two sweeps;
--              7 whether somebody waits
--       end:   4 ms that it took
-- ->    begin: yours | done, ms until the next is due | wait, number begun
--       go on, end: whether it is still the one
local call, SWEEPS, asks, what = redis.call, KEYS[1], ARGV[1], ARGV[2]
local lease = tonumber(ARGV[3])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end

local kept = call('HMGET', SWEEPS,
  'begun', 'done', 'at', 'took', 'holder', 'until', 'awaited')
local begun, done = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
local at, took = tonumber(kept[3] or 0), tonumber(kept[4] or 0)
local holder, left, awaited = kept[5] or '', tonumber(kept[6] or 0) - now, kept[7]

-- As insist() in shared.lua.
local function note(...)
  call('HDEL', SWEEPS, '\0')
  call('HSET', SWEEPS, ...)
end

if what ~= 'begin' then
  if holder ~= asks then return 0 end
  if what == 'go on' then
    note('until', text(now + lease))
  else
    note('holder', '')
    if what == 'end' then
      note('done', text(begun), 'at', text(now - ARGV[4]), 'took', ARGV[4])
    end
  end
  return 1
end

local since, lately, interval = tonumber(ARGV[4]) or begun, tonumber(ARGV[5]), tonumber(ARGV[6])
local age = now - at
-- One that takes long comes seldom.
local due = math.max(0, math.max(interval, 10 * took) - age)
-- A clock that was set back tells nothing.
local is_new = done > 0 and age >= 0 and lately > 0 and age < math.max(lately, 10 * took)
if done > since or is_new then return {'done', text(due)} end
-- Neither is a holder that nobody has heard of for so long alive, nor one that would be later.
if holder ~= '' and left > 0 and left <= lease and (awaited == '1' or ARGV[7] == '0') then
  return {'wait', text(since)}
end
note('begun', text(begun + 1), 'holder', asks, 'until', text(now + lease),
  'awaited', ARGV[7])
return {'yours'}
