"""The script by which Redis decides on a request: `sentinel.api_usage.counting` as Lua.

Redis runs it alone, so all limits that apply are charged, or none. Its numbers are doubles, which
are exact up to 2^53, and the products of the counting code reach 2^61. So a bucket is kept as whole
units and microseconds of its period, `used = units * period + rest`, and a product is divided while
it is made (`muldiv`), seven bits of one factor at a time: with a period below 2^45 no intermediate
number reaches 2^53. Texts of numbers are written by `%.0f`, since `tostring` keeps 14 digits.
"""

from __future__ import annotations

from sentinel.api_usage.counting import SLACK

__all__ = ["DECIDE", "FIELDS"]

FIELDS = 14
"""Arguments of each limit, after the clock and the word that says whether to charge."""

DECIDE = f"""
local FIELDS, SLACK = {FIELDS}, {SLACK}

local function divmod(a, b)
  local r = math.fmod(a, b)
  return (a - r) / b, r
end

-- floor(factor * b / period) and what is left; factor <= 2^53, b <= 2^35, period < 2^45.
local function muldiv(factor, b, period)
  local whole, part = divmod(factor, period)
  local q, r = 0, 0
  local digits = {{}}
  local left = b
  for place = 5, 1, -1 do
    local digit = math.fmod(left, 128)
    digits[place] = digit
    left = (left - digit) / 128
  end
  for place = 1, 5 do
    local over
    over, r = divmod(r * 128 + part * digits[place], period)
    q = q * 128 + over
  end
  return q + whole * b, r
end

local function text(number) return string.format('%.0f', number) end

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local charging = ARGV[2] == '1'
local found, allowed = {{}}, true

for place, key in ipairs(KEYS) do
  local base = 2 + (place - 1) * FIELDS
  local function number(at) return tonumber(ARGV[base + at]) end
  local one = {{
    key = key, kind = ARGV[base + 1], amount = number(2), period = number(3),
    capacity = number(4), fill = number(5), first = number(6), second = number(7),
    third = number(8), dry = number(9), least = number(10), most = number(11),
    credit = number(12), credit_at = number(13), kept = number(14),
  }}
  local state = redis.call('HMGET', key, 'at', 'used', 'rest', 'previous', 'entries')
  local at, used, rest = tonumber(state[1] or 0), tonumber(state[2] or 0), tonumber(state[3] or 0)
  local previous, entries = tonumber(state[4] or 0), state[5] or ''
  one.now = now
  if at - now >= 1 and at - now <= SLACK then one.now = at end
  one.rest, one.previous, one.entries = 0, 0, {{}}
  if one.credit > 0 then
    if one.kind == 'bucket' then
      if used < one.credit then used, rest = 0, 0 else used = used - one.credit end
    elseif one.kind == 'quota' and at == one.credit_at then
      used = math.max(0, used - one.credit)
    end
  end
  if one.kind == 'bucket' then
    one.start = one.now
    if at <= one.now then
      local units, part = muldiv(math.min(one.now - at, one.fill), one.amount, one.period)
      used, rest = used - units, rest - part
      if rest < 0 then used, rest = used - 1, rest + one.period end
      if used < 0 then used, rest = 0, 0 end
    end
    one.used, one.rest = used, rest
    one.available = one.capacity - used - (rest > 0 and 1 or 0)
  elseif one.kind == 'log' then
    one.start, one.used = one.now, 0
    for moment, units in string.gmatch(entries, '(%d+):(%d+)') do
      moment, units = math.min(tonumber(moment), one.now), tonumber(units)
      if moment > one.now - one.period then
        table.insert(one.entries, text(moment) .. ':' .. text(units))
        one.used = one.used + units
      end
    end
    one.available = one.amount - one.used
  elseif one.kind == 'quota' then
    one.start = one.first
    if one.now >= one.second then one.start = one.second end
    if one.now >= one.third then one.start = one.third end
    one.used = at >= one.start and used or 0
    one.available = one.amount - one.used
  else
    one.start = one.now - math.fmod(one.now, one.period)
    one.used, one.previous = used, previous
    if at == one.start - one.period then
      one.used, one.previous = 0, used
    elseif at < one.start then
      one.used, one.previous = 0, 0
    elseif at > one.start then
      one.used, one.previous = math.min(one.amount, used + previous), 0
    end
    local q, r = muldiv(one.period - (one.now - one.start), one.previous, one.period)
    one.available = math.max(0, one.amount - one.used - q - (r > 0 and 1 or 0))
  end
  one.set_back = at > one.start
  if one.available < one.least and one.dry == 0 then allowed = false end
  found[place] = one
end

local answer = {{}}
for place, one in ipairs(found) do
  local taken = 0
  if allowed and one.available >= one.least then taken = math.min(one.most, one.available) end
  local entries = table.concat(one.entries, ' ')
  answer[place] = {{
    text(one.now), text(one.start), text(one.used), text(one.rest), text(one.previous), entries,
    text(one.available), one.set_back and 1 or 0,
  }}
  if charging and (taken > 0 or one.set_back or one.credit > 0) then
    if one.kind == 'log' and taken > 0 then
      entries = entries .. ' ' .. text(one.now) .. ':' .. text(taken)
    end
    redis.call('HSET', one.key, 'at', text(one.start), 'used', text(one.used + taken),
      'rest', text(one.rest), 'previous', text(one.previous), 'entries', entries)
    if one.kept > 0 then redis.call('PEXPIRE', one.key, text(one.kept)) end
  end
end
return answer
"""
