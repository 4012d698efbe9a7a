-- Head of a shelf that Redis loads as a library. The line before it sets the name: `local LIBRARY = '...'`. KEYS and ARGV are
-- those of the current call.

-- What Redis and Lua offer does not exist while the library is loaded. It is bound to locals at the first call: each look-up of a
-- global costs as much as two calls of a function.
local register = redis.register_function
local function offered()
  return redis, string, table, math, struct, cjson, bit, tonumber, unpack, ipairs, pairs
end
local redis, string, table, math, struct, cjson, bit, tonumber, unpack, ipairs, pairs

-- KEYS and ARGV of the current call. The last argument is the Redis instance that the caller expects, '' for none. It is
-- removed from ARGV; a command sees it as INSTANCE, false for none. A '*' before it says that the last key is a guard (see
-- slot-guard.ts), which is removed from KEYS: so are the calls on a Redis Cluster, where ON_CLUSTER is true.
local KEYS, ARGV, INSTANCE, ON_CLUSTER
-- The instances that were entered, and the last one of each scope. They are kept between calls, but lost at a restart,
-- failover or full sync.
local entered, last_of = {}, {}
-- Code of '*': `string` does not exist while the library is loaded.
local GUARDED = 42
-- What happened in the call that operators are told of, see parts/happened.lua; false: nothing.
local happenings = false

-- Set-up functions of each part, by its path. A command calls those of the parts that it includes.
local resets = {}
local resets_of_part
local function part(path)
  resets_of_part = {}
  resets[path] = resets_of_part
end
local function each_call(reset)
  resets_of_part[#resets_of_part + 1] = reset
end

local function command(name, flags, parts, run)
  resets_of_part = nil
  local before = {}
  for i = 1, #parts do
    local own = resets[parts[i]]
    for k = 1, #own do before[#before + 1] = own[k] end
  end
  local count = #before
  register{ function_name = LIBRARY .. '_' .. name, flags = flags, callback = function(keys, args)
    if not redis then redis, string, table, math, struct, cjson, bit, tonumber, unpack, ipairs, pairs = offered() end
    local last = #args
    local expected = args[last]
    args[last] = nil
    ON_CLUSTER = expected ~= '' and string.byte(expected) == GUARDED
    if ON_CLUSTER then
      expected = string.sub(expected, 2)
      keys[#keys] = nil
    end
    if expected == '' then
      INSTANCE = false
    elseif entered[expected] then
      INSTANCE = expected
    else
      return redis.error_reply('INSTANCE was not entered')
    end
    KEYS, ARGV = keys, args
    happenings = false
    for i = 1, count do before[i]() end
    local reply = run()
    if happenings then return { happenings, reply or false } end
    return reply
  end }
end

-- Replicas refuse this function, because it may write: a promoted replica must not know an instance.
register{ function_name = LIBRARY .. '__enter', flags = { 'allow-oom' }, callback = function(_, args)
  local instance, scope = args[1], args[2]
  local before = last_of[scope]
  if before then entered[before] = nil end
  entered[instance], last_of[scope] = true, instance
  return 1
end }
