import type { FaultSuite } from '../core/suite.js';
import { scenarios } from './scenarios.js';
import { alone } from './stage.js';

const SCRIPTS = 'libs/locks/src/redis/scripts';

/**
 * Each breaks one rule of the lock manager; the scenario is the shortest story in which that shows. Those with long
 * waits stand side by side: two run at a time.
 */
export const mutants: FaultSuite['mutants'] = [
  {
    name: 'a release does not ask whose lease it ends',
    file: `${SCRIPTS}/release.lua`,
    find: 'local r, expiry = Lease.holding(st, a.lease)',
    replace: 'a.lease = Lease.list(st, 1)[1] or a.lease\nlocal r, expiry = Lease.holding(st, a.lease)',
    run: alone(scenarios.crowd),
  },
  {
    name: 'the token is not raised',
    file: `${SCRIPTS}/holders.lua`,
    find: 'st.token = math.max(st.token + 1, micros)',
    replace: 'st.token = math.max(st.token, 1)',
    run: alone(scenarios.crowd),
  },
  {
    name: 'a newcomer overtakes those who wait',
    file: `${SCRIPTS}/acquire.lua`,
    find: 'if st.waiting > 0 or st.used + item.weight > limit then free = false end',
    replace: 'if st.used + item.weight > limit then free = false end',
    run: alone(scenarios.crowd),
  },
  {
    name: 'the last one in the queue is served first',
    file: `${SCRIPTS}/queue.lua`,
    find: "local head = redis.call('ZRANGE', P .. 'q:' .. st.n, 0, 0, 'WITHSCORES')",
    replace: "local head = redis.call('ZRANGE', P .. 'q:' .. st.n, -1, -1, 'WITHSCORES')",
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
    file: `${SCRIPTS}/holders.lua`,
    find: "'inf' or tonumber(r.acquired) + r.ttl",
    replace: "'inf' or tonumber(r.acquired) - tonumber(r.waited) + r.ttl",
    run: alone(scenarios.longWait),
  },
  {
    name: 'the waiter of a dead node is served as if it lived',
    file: `${SCRIPTS}/queue.lua`,
    find: 'return latest > Wait.clock() and latest + now - Wait.clock() or 0',
    replace: 'return now + 60000',
    run: alone(scenarios.deadWaiters),
  },
  {
    name: 'a grant is not provisional',
    file: `${SCRIPTS}/queue.lua`,
    find: "w.session ~= '-' and until_ms or math.min(until_ms, now + w.ttl)",
    replace: 'now + w.ttl',
    run: alone(scenarios.deadWaiters),
  },
  {
    name: 'hints only: a node never asks what it missed',
    file: 'libs/locks/src/waiting/heartbeat.js',
    find: 'const { requests, nextEndMs, outcomes } = await this.store.beat(shard);',
    replace:
      'const { requests, nextEndMs, outcomes } = await this.store.beat(shard); return nextEndMs ?? Infinity;',
    run: alone(scenarios.deaf),
  },
  {
    name: 'each node goes by its own clock',
    file: 'libs/redis/src/define-script.js',
    find: 'const body = readScript(definition.file);',
    replace:
      'const ahead = process.env.NODE_ID === "lock_2" ? 3 : 0;' +
      'const body = readScript(definition.file).replace("tonumber(time[1])", "(tonumber(time[1]) + " + ahead + ")");',
    run: alone(scenarios.expiry),
  },
  {
    name: 'a retry is not known',
    file: `${SCRIPTS}/acquire.lua`,
    find: '  if not a.fresh then\n',
    replace: '  if false then\n',
    run: alone(scenarios.retries),
  },
  {
    name: 'a waiting request that is sent again goes to the end of the queue',
    file: `${SCRIPTS}/acquire.lua`,
    find: 'w.deadline = math.max(w.deadline, now + a.wait_ms)',
    replace:
      "w.deadline = math.max(w.deadline, now + a.wait_ms)\n  redis.call('ZADD', P .. 'q:' .. a.items[1].n, int(micros), id)",
    run: alone(scenarios.retries),
  },
  {
    name: 'what a caller was vouched for cannot be given back',
    file: `${SCRIPTS}/queue.lua`,
    find: "elseif r and r.state == 'T:' .. claim then",
    replace: 'elseif false then',
    run: alone(scenarios.vouched),
  },
  {
    name: 'one who is vouched for overtakes',
    file: `${SCRIPTS}/queue.lua`,
    find: 'local id = head[1]',
    replace:
      "local mine = next(vouched)\n      local at = mine and redis.call('ZSCORE', P .. 'q:' .. st.n, mine)\n" +
      '      if at then head = { mine, at } end\n      local id = head[1]',
    run: alone(scenarios.crowd),
  },
  {
    name: 'a set overtakes on the names where it is not first',
    file: `${SCRIPTS}/queue.lua`,
    find: '(#w.items == 2 or Wait.first_everywhere(id, w))',
    replace: 'true',
    run: alone(scenarios.set),
  },
  {
    name: 'a lease that was told twice can be taken back',
    file: `${SCRIPTS}/holders.lua`,
    find: "elseif r.state ~= 'T:' .. claim and r.state ~= 'T:*' then",
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
    name: 'whoever sees a deadlock first gives up, not the youngest',
    file: `${SCRIPTS}/deadlock.lua`,
    find: 'if waits[each.id].arrival > waits[ME].arrival then return nil end',
    replace: 'do end',
    run: alone(scenarios.circle),
  },
  {
    name: 'a circle counts as a deadlock though somebody else may open it',
    file: `${SCRIPTS}/deadlock.lua`,
    find: 'return Name.of(item.n).limit - never < item.weight',
    replace: 'return #item.holders > 0',
    run: alone(scenarios.openCircle),
  },
  {
    name: 'the end of a session skips one of its leases',
    file: `${SCRIPTS}/sweep.lua`,
    find: 'for _, member in ipairs(leases) do',
    replace: 'table.remove(leases)\n  for _, member in ipairs(leases) do',
    run: alone(scenarios.session),
  },
];
