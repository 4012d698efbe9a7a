import type { FaultSuite } from '../core/suite.js';
import { scenarios } from './scenarios.js';
import { alone } from './stage.js';

const SCRIPTS = 'libs/locks/src/redis/scripts';
const PARTS = `${SCRIPTS}/parts`;

/**
 * Each breaks one rule of the lock manager; the scenario is the shortest story in which that shows. Those with long
 * waits stand side by side: two run at a time.
 */
export const mutants: FaultSuite['mutants'] = [
  {
    name: 'a release does not ask whose lease it ends',
    file: `${PARTS}/release.lua`,
    find: 'local record, ending = Lease.holding(name, lease_id)',
    replace:
      'lease_id = Name.holders(name, 1)[1] or lease_id\n    local record, ending = Lease.holding(name, lease_id)',
    run: alone(scenarios.crowd),
  },
  {
    name: 'the token is not raised',
    file: `${PARTS}/lease.lua`,
    find: 'name.token = int(Token.after(name.token))',
    replace: 'name.token = int(math.max(name.token + 0, 1))',
    run: alone(scenarios.crowd),
  },
  {
    name: 'a newcomer overtakes those who wait',
    file: `${PARTS}/acquire.lua`,
    find: 'if name.waiting > 0 or name.used + weight > limit then free = false end',
    replace: 'if name.used + weight > limit then free = false end',
    run: alone(scenarios.crowd),
  },
  {
    name: 'the last one in the queue is served first',
    file: `${PARTS}/queue.lua`,
    find: "local head = redis.call('ZRANGE', prefix .. 'q:' .. name.id, 0, 0, 'WITHSCORES')",
    replace: "local head = redis.call('ZRANGE', prefix .. 'q:' .. name.id, -1, -1, 'WITHSCORES')",
    run: alone(scenarios.crowd),
  },
  {
    name: 'a shared lease overlaps an exclusive one',
    file: 'libs/locks/src/locks/lock.js',
    find: 'permits: permitsOf(mode)',
    replace: "permits: mode === 'exclusive' ? permitsOf(mode) : 0",
    run: alone(scenarios.crowd),
  },
  {
    name: 'the time of a lease is counted from the request',
    file: `${PARTS}/lease.lua`,
    find: "'inf' or int(lease.acquired + lease.ttl)",
    replace: "'inf' or int(lease.acquired - lease.waited + lease.ttl)",
    run: alone(scenarios.longWait),
  },
  {
    name: 'the waiter of a dead node is served as if it lived',
    file: `${PARTS}/process.lua`,
    find: 'return latest > Process.clock() and latest + now - Process.clock() or 0',
    replace: 'return now + 60000',
    run: alone(scenarios.deadWaiters),
  },
  {
    name: 'a grant is not provisional',
    file: `${PARTS}/queue.lua`,
    find: "wait.session ~= '-' and alive_until or math.min(alive_until, now + wait.ttl)",
    replace: 'now + wait.ttl',
    run: alone(scenarios.deadWaiters),
  },
  {
    name: 'hints only: a node never asks what it missed',
    file: 'libs/locks/src/waiting/heartbeat.js',
    find: 'const { requests, nextEndMs, outcomes } = await this.store.beat(shard);',
    replace:
      'const { requests, nextEndMs, outcomes } = await this.store.beat(shard); return this.expectAnswer(shard);',
    run: alone(scenarios.deaf),
  },
  {
    name: 'each node goes by its own clock',
    file: 'libs/redis/src/lua/shelf.js',
    find: 'parts.set(path, text);',
    replace:
      'const ahead = process.env.NODE_ID === "lock_2" && folder.pathname.includes("/locks/") ? 3 : 0;' +
      'parts.set(path, text.replace("time[1] * 1000000", "(time[1] + " + ahead + ") * 1000000"));',
    run: alone(scenarios.expiry),
  },
  {
    name: 'a retry is not known',
    file: `${PARTS}/acquire.lua`,
    find: '  if not is_new then\n',
    replace: '  if false then\n',
    run: alone(scenarios.retries),
  },
  {
    name: 'a waiting request that is sent again goes to the end of the queue',
    file: `${PARTS}/acquire.lua`,
    find: 'wait.deadline = math.max(wait.deadline, now + wait_ms)',
    replace:
      "wait.deadline = math.max(wait.deadline, now + wait_ms)\n  redis.call('ZADD', prefix .. 'q:' .. wanted[1].id, int(micros), wait.id)",
    run: alone(scenarios.retries),
  },
  {
    name: 'what a local waiter was served with cannot be given back',
    file: `${PARTS}/withdrawal.lua`,
    find: "elseif lease.state == 'T:' .. claim then",
    replace: 'elseif false then',
    run: alone(scenarios.localWaiter),
  },
  {
    name: 'a local waiter overtakes',
    file: `${PARTS}/queue.lua`,
    find: 'local wait = Wait.find(head[1])',
    replace:
      "local mine = locals and next(locals)\n      local at = mine and redis.call('ZSCORE', prefix .. 'q:' .. name.id, mine)\n" +
      '      if at then head = { mine, at } end\n      local wait = Wait.find(head[1])',
    run: alone(scenarios.crowd),
  },
  {
    name: 'a set overtakes on the names where it is not first',
    file: `${PARTS}/queue.lua`,
    find: '(#wait.names == 1 or is_first_everywhere(wait))',
    replace: 'true',
    run: alone(scenarios.set),
  },
  {
    name: 'a lease that was told twice can be taken back',
    file: `${PARTS}/lease.lua`,
    find: "elseif lease.state ~= 'T:' .. claim and lease.state ~= 'T:*' then",
    replace: 'elseif false then',
    run: alone(scenarios.toldElsewhere),
  },
  {
    name: 'a caller that could not be told keeps its lease',
    file: 'libs/locks/src/lease/leases.service.js',
    find: 'if (disconnect.aborted)',
    replace: 'if (false)',
    run: alone(scenarios.untold),
  },
  {
    name: 'the request that sees a deadlock first gives up, not the youngest',
    file: 'libs/locks/src/waiting/deadlock-search.js',
    find: 'youngestOf(circle).id === id',
    replace: 'true',
    run: alone(scenarios.circle),
  },
  {
    name: 'a circle counts as a deadlock though somebody else may open it',
    file: 'libs/locks/src/waiting/wait-graph.js',
    find: 'return limit - never < weight;',
    replace: 'return holders.length > 0;',
    run: alone(scenarios.openCircle),
  },
  {
    name: 'the end of a session skips one of its leases',
    file: `${PARTS}/session.lua`,
    find: 'for _, member in ipairs(leases) do',
    replace: 'table.remove(leases)\n  for _, member in ipairs(leases) do',
    run: alone(scenarios.session),
  },
];
