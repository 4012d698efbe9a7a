import type { Mutant } from '../core/mutant.js';
import type { FaultSuite } from '../core/suite.js';
import * as scenarios from './scenarios.js';

const ENGINE = 'libs/caches/src';
const js = (name: string) => `${ENGINE}/${name}.js`;
const lua = (name: string) => `${ENGINE}/redis/scripts/${name}.lua`;
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
      js('coherence/replica'),
      'if (now >= this.leaseUntil)',
      'if (false)',
    ),
    run: scenarios.directed(scenarios.cutOff),
  },
  {
    ...broken(
      'a lease counts from the reply',
      js('coherence/replica-sync'),
      'replica.extendLease(sentAt);\n        for (const round of this.stuckRounds',
      'replica.extendLease(performance.now());\n        for (const round of this.stuckRounds',
    ),
    run: scenarios.directed(scenarios.lateReplies),
  },
  {
    ...broken(
      'a lease is extended although missed invalidations were not carried out',
      js('coherence/replica-sync'),
      'of reply.missed)',
      'of [])',
    ),
    run: scenarios.directed(scenarios.noHints),
  },
  {
    ...broken(
      'a fill is kept although its key was written',
      js('coherence/replica'),
      'return !superseded && ',
      'return ',
    ),
    run: scenarios.directed(scenarios.slowFill),
  },
  {
    ...broken(
      'an acknowledgement covers an invalidation that was missed',
      js('coherence/replica-sync'),
      'if (number > replica.seen + 1)',
      'if (false)',
    ),
    run: scenarios.directed(scenarios.gap),
  },
  {
    ...broken(
      'an invalidation is acknowledged and not carried out',
      js('coherence/replica-sync'),
      'replica.invalidate(cache, register);\n        replica.seen = number;',
      'replica.seen = number;',
    ),
    run: scenarios.directed(scenarios.twoSharers),
  },
  {
    ...broken('a node keeps what it writes over', js('entries/writer'), 'replica?.drop(cache, key);', ';'),
    run: scenarios.directed(scenarios.ownWrites),
  },
  {
    ...broken(
      'a node that invalidates a tag is excused from it',
      js('entries/writer'),
      'key === null ? null : this.replicaSync.replica',
      'this.replicaSync.replica',
    ),
    run: scenarios.directed(scenarios.ownTags),
  },
  {
    ...broken(
      'a write does not wait for sharers',
      lua('prepare'),
      'if #sharers == 0 or eventual then',
      'if true then',
    ),
    run: scenarios.directed(scenarios.cutOff),
  },
  {
    ...broken(
      'a write waits less than a lease',
      js('coherence/coherence.rules'),
      'Math.ceil(LEASE_MS * 1.01) + 40',
      '100',
    ),
    run: scenarios.directed(scenarios.cutOff),
  },
  {
    ...broken(
      'the first acknowledgement ends a round',
      lua('coherence'),
      "if redis.call('HINCRBY', at, 'missing', -1) == 0 then commit(register) end",
      "redis.call('HINCRBY', at, 'missing', -1) commit(register)",
    ),
    run: scenarios.directed(scenarios.twoSharers),
  },
  {
    ...broken(
      'a value is kept that is being written',
      lua('read'),
      "      cacheable = cacheable and redis.call('HEXISTS', c_key(register), 'round') == 0\n",
      '',
    ),
    run: scenarios.directed(scenarios.fillDuringWrite),
  },
  {
    ...broken(
      'a reader is no sharer of what it keeps',
      lua('coherence'),
      "local put = redis.pcall('HSET', at, field, fill)",
      'local put = 1',
    ),
    run: scenarios.directed(scenarios.twoSharers),
  },
  {
    ...broken(
      'who holds that there is no entry is no sharer',
      lua('read'),
      'share(register, incarnation, fill,',
      'not entry or share(register, incarnation, fill,',
    ),
    run: scenarios.directed(scenarios.absent),
  },
  {
    ...broken(
      'a prefix is invalidated without asking who holds what it covers',
      lua('coherence'),
      "is_wide(register) and '@' or register",
      'register',
    ),
    run: scenarios.directed(scenarios.prefixes),
  },
  {
    ...broken(
      'an entry is evicted while a near cache holds it',
      lua('evict'),
      "if #sharers == 0 or state.coherence == 'eventual' then",
      'if true then',
    ),
    run: scenarios.directed(scenarios.evicted),
  },
  {
    ...broken(
      'a new life of Redis opens before the leases of the last are over',
      js('redis/redis-life'),
      'await sleep(FORCE_AFTER_MS);',
      '',
    ),
    run: scenarios.directed(scenarios.newLife),
  },
];
