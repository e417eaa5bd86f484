"""What Valkey does in one step: its only program that runs whole or not at all is a Lua script.

A sliding window's bucket and each calendar window is a string of its own, named by when it began; so an old one needs
no reset, it lapses. Numbers go in and out as text with 17 digits, since a number that Lua hands back is cut to an
integer.
"""

from hashlib import sha1

from stillhouse.guard.counters.link import bulk

__all__ = ["ADD", "RAISE", "SETTLE", "TAKE", "Script"]


class Script:
    """Its text, and the name that the server knows it by."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest_bulk = bulk(sha1(text.encode(), usedforsecurity=False).hexdigest())


TAKE = Script("""
-- KEYS: each claim's bucket, after it the bucket before where its window slides; then each slot's holders.
-- ARGV: now, lease, end of the lease, milliseconds to keep a slot's holders, number of claims; four a claim: weight of
-- the bucket before or '', limit, amount, milliseconds to keep; one a slot: limit.
-- Answer, with spaces between: 0 and what each claim's limit stands at, or the number of what failed and the two counts
-- it failed at. One text is read faster than a list.
local claims = tonumber(ARGV[5])
local slots = #ARGV - 5 - 4 * claims
local counts = #KEYS - slots
local held = {}
if counts > 0 then held = redis.call('MGET', unpack(KEYS, 1, counts)) end
local answer, place, k = {'0'}, {}, 1
for i = 1, claims do
  local a = 4 * i + 2
  local running = tonumber(held[k] or '0')
  local used = running
  place[i] = k
  if ARGV[a] ~= '' then
    k = k + 1
    used = used + tonumber(held[k] or '0') * tonumber(ARGV[a])
  end
  local limit, amount = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
  if used + amount > limit or (amount == 0 and used >= limit) then
    return i .. ' ' .. (held[place[i]] or '0') .. ' ' .. (k > place[i] and held[k] or '0')
  end
  answer[i + 1] = string.format('%.17g', used + amount)
  k = k + 1
end
for i = 1, slots do
  local key = KEYS[counts + i]
  redis.call('ZREMRANGEBYSCORE', key, '-inf', ARGV[1])
  local holders = redis.call('ZCARD', key)
  if holders >= tonumber(ARGV[5 + 4 * claims + i]) then return (claims + i) .. ' ' .. holders .. ' 0' end
end
for i = 1, claims do
  local a = 4 * i + 2
  if tonumber(ARGV[a + 2]) ~= 0 then
    redis.call('INCRBYFLOAT', KEYS[place[i]], ARGV[a + 2])
    if not held[place[i]] then redis.call('PEXPIRE', KEYS[place[i]], ARGV[a + 3]) end
  end
end
for i = 1, slots do
  redis.call('ZADD', KEYS[counts + i], ARGV[3], ARGV[2])
  redis.call('PEXPIRE', KEYS[counts + i], ARGV[4])
end
return table.concat(answer, ' ')
""")

SETTLE = Script("""
-- KEYS: a bucket for each correction; then each slot's holders.
-- ARGV: lease, number of corrections; two a correction: amount, milliseconds to keep. What is given back of a bucket
-- that is gone is gone, and none falls below nothing.
local corrections = tonumber(ARGV[2])
for i = 1, corrections do
  local amount, key = tonumber(ARGV[2 * i + 1]), KEYS[i]
  local held = redis.call('GET', key)
  if amount >= 0 then
    redis.call('INCRBYFLOAT', key, ARGV[2 * i + 1])
    if not held then redis.call('PEXPIRE', key, ARGV[2 * i + 2]) end
  elseif held and tonumber(held) + amount < 0 then
    redis.call('INCRBYFLOAT', key, -tonumber(held))
  elseif held then
    redis.call('INCRBYFLOAT', key, ARGV[2 * i + 1])
  end
end
for i = corrections + 1, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end
return 1
""")

ADD = Script("""
-- KEYS: a count. ARGV: what it gets, milliseconds to keep it where it is new. It does not fall below nothing.
local held = tonumber(redis.call('GET', KEYS[1]) or '0')
if held + tonumber(ARGV[1]) <= 0 then return redis.call('DEL', KEYS[1]) end
redis.call('INCRBYFLOAT', KEYS[1], ARGV[1])
if held == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
""")

RAISE = Script("""
-- KEYS: a count. ARGV: the least that it is, milliseconds to keep it.
if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
""")
