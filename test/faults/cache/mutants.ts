import type { Mutant } from '../core/mutant.js';
import type { FaultSuite } from '../core/suite.js';
import * as scenarios from './scenarios.js';
import * as onCluster from './scenarios-on-cluster.js';
import { alone, aloneOnCluster } from './stage.js';

const ENGINE = 'libs/caches/src';
const js = (name: string) => `${ENGINE}/${name}.js`;
const part = (name: string) => `${ENGINE}/redis/scripts/parts/${name}.lua`;
const broken = (name: string, file: string, find: string, replace: string): Mutant => ({
  name,
  file,
  find,
  replace,
});

/** Each breaks one rule of the protocol; the scenario beside it is the shortest run that shows it. */
export const mutants: FaultSuite['mutants'] = [
  {
    ...broken(
      'a near cache serves without a lease',
      js('coherence/lease'),
      'return now < this.until;',
      'return true;',
    ),
    run: alone(scenarios.cutOff),
  },
  {
    ...broken(
      'an entry is served under the lease of another shard',
      js('coherence/replicas'),
      'return entry.lease.serves(now) ?',
      'return entry.lease.serves(now) || this.all.some(({ replica }) => replica.isLeased) ?',
    ),
    run: aloneOnCluster(onCluster.otherLease),
  },
  {
    ...broken(
      'a tag is invalidated in one part of its cache alone',
      js('entries/writer'),
      'this.shards.partsOf(cache).map(',
      'this.shards.partsOf(cache).slice(0, 1).map(',
    ),
    run: aloneOnCluster(onCluster.tagOverPrimaries),
  },
  {
    ...broken(
      'a lease counts from the reply',
      js('coherence/replica-sync'),
      'replica.extendLease(sentAt);\n        for (const round of this.stuckRounds',
      'replica.extendLease(performance.now());\n        for (const round of this.stuckRounds',
    ),
    run: alone(scenarios.lateReplies),
  },
  {
    ...broken(
      'a lease is extended although missed invalidations were not carried out',
      js('coherence/replica-sync'),
      'of reply.missed)',
      'of [])',
    ),
    run: alone(scenarios.noHints),
  },
  {
    ...broken(
      'a fill is kept although its key was written',
      js('coherence/replica'),
      'return !superseded && ',
      'return ',
    ),
    run: alone(scenarios.slowFill),
  },
  {
    ...broken(
      'an acknowledgement covers an invalidation that was missed',
      js('coherence/replica-sync'),
      'if (number > replica.seen + 1)',
      'if (false)',
    ),
    run: alone(scenarios.gap),
  },
  {
    ...broken(
      'an invalidation is acknowledged and not carried out',
      js('coherence/replica-sync'),
      'replica.invalidate(cache, register);\n        replica.seen = number;',
      'replica.seen = number;',
    ),
    run: alone(scenarios.twoSharers),
  },
  {
    ...broken(
      'a node keeps what it writes over',
      js('entries/writer'),
      'replica?.drop(part.cache, key);',
      ';',
    ),
    run: alone(scenarios.ownWrites),
  },
  {
    ...broken(
      'a node that invalidates a tag is excused from it',
      js('entries/writer'),
      'key === null ? null : this.replicas.in(part.shard.index).replica',
      'this.replicas.in(part.shard.index).replica',
    ),
    run: alone(scenarios.ownTags),
  },
  {
    ...broken('a write does not wait for sharers', part('write'), 'if not waits then', 'if true then'),
    run: alone(scenarios.cutOff),
  },
  {
    ...broken(
      'a write waits less than a lease',
      js('coherence/coherence.rules'),
      'Math.ceil(LEASE_MS * 1.01) + 40',
      '100',
    ),
    run: alone(scenarios.cutOff),
  },
  {
    ...broken(
      'the first acknowledgement ends a round',
      part('round'),
      "if f[3] == '1' then return commit(register, f[4], f[5]) end",
      'do return commit(register, f[4], f[5]) end',
    ),
    run: alone(scenarios.twoSharers),
  },
  {
    ...broken(
      'a value is kept that is being written',
      part('register'),
      'if held[1] then return false end',
      '',
    ),
    run: alone(scenarios.fillDuringWrite),
  },
  {
    ...broken(
      'a reader is no sharer of what it keeps',
      part('register'),
      "if not known or known + 0 < fill + 0 then redis.call('HSET', at, field, fill) end",
      '',
    ),
    run: alone(scenarios.twoSharers),
  },
  {
    ...broken(
      'who holds that there is no entry is no sharer',
      part('reading'),
      "if not entry then return absences == '1' and Register.share({ 'k' .. key }, incarnation, fill, false) end",
      "if not entry then return absences == '1' end",
    ),
    run: alone(scenarios.absent),
  },
  {
    ...broken(
      'a prefix is invalidated without asking who holds what it covers',
      part('register'),
      "if Register.is_wide(register) then fields = redis.call('HGETALL', Register.key('@')) end",
      '',
    ),
    run: alone(scenarios.prefixes),
  },
  {
    ...broken(
      'an entry is evicted while a near cache holds it',
      part('eviction'),
      "if #sharers == 0 or Cache.coherence == 'eventual' then",
      'if true then',
    ),
    run: alone(scenarios.evicted),
  },
  {
    ...broken(
      'a new Redis instance opens before the leases of the one before are over',
      js('redis/shard-instance'),
      'await sleep(FORCE_AFTER_MS);',
      '',
    ),
    run: alone(scenarios.newInstance),
  },
  {
    ...broken(
      'a replica that was promoted is taken for the instance that its data tells of',
      `${ENGINE}/redis/scripts/find-instance.lua`,
      "if id and known[1] == run and (known[2] == replication or is_first == '1') then",
      'if id then',
    ),
    run: aloneOnCluster(onCluster.replicaBehind),
  },
];
