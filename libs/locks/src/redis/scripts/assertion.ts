import type { Knowledge } from '../../recovery/kept.js';
import { elapsedSince, type Reading } from '../clock-reading.js';
import { grantingCommand, type MayGrant } from './lock-command.js';

/** Fields of one item, its kind first. */
export type Item = readonly [kind: 'session' | 'ended' | 'lease' | 'wait', ...fields: (string | number)[]];

/** What a node knows as items of `assert.lua`: a session comes before its leases. */
export function itemsOf(known: Knowledge, processId: string): Item[] {
  const now = performance.now();
  const left = (until: number) => Math.max(0, Math.ceil(until - now));
  return [
    ...known.sessions.map(
      ({ sessionId, ttlMs, owner, metadata, until }): Item => [
        'session',
        sessionId,
        ttlMs,
        left(until),
        owner,
        metadata,
      ],
    ),
    ...known.ended.map(({ key, leaseId }): Item => ['ended', key, leaseId]),
    ...known.leases.map(
      ({ key, leaseId, until, record, limit, waitId }): Item => [
        'lease',
        key,
        leaseId,
        left(until),
        record,
        limit,
        waitId ?? '-',
      ],
    ),
    ...known.places.map(
      ({ waitId, ttlMs, until, arrival, sessionId, owner, metadata, wanted }): Item => [
        'wait',
        waitId,
        processId,
        ttlMs,
        left(until),
        arrival,
        sessionId ?? '-',
        owner,
        metadata,
        ...wanted.flatMap(({ permits, limit }) => [permits, limit]),
      ],
    ),
  ];
}

interface Assertion extends MayGrant {
  readonly nodeId: string;
  readonly items: readonly Item[];
  /** With these items all is told. */
  readonly last: boolean;
  /** This node knew the shard before this instance. */
  readonly knewIt: boolean;
  /** The instance that got the portions before; '' for none. */
  readonly instance: string;
  /** Which instance this node knew last, and its clock; null for none. */
  readonly before: Reading | null;
  /** Nodes that may know of leases. */
  readonly members: readonly string[];
}

/**
 * Asserts what a node knows in the instance that opens. `leftMs`: until it opens at the latest; 0: it is open; -1: it is another
 * one than got the portions before, so they are lost. `wentOn`: it is the one that the node knew, and its clock did not leap.
 */
export const assertKnowledge = grantingCommand(
  'assert',
  ({ nodeId, items, last, knewIt, instance, before, members }: Assertion) => [
    nodeId,
    last ? '1' : '0',
    knewIt ? '1' : '0',
    instance,
    ...(before === null ? ['', 0, 0] : [before.instance, before.redisMs, elapsedSince(before)]),
    members.length,
    ...members,
    ...items.flatMap(([kind, ...fields]) => [kind, fields.length, ...fields]),
  ],
  (reply) => {
    const [leftMs, instance, wentOn] = reply as [number, string, number];
    return { leftMs, instance, wentOn: wentOn === 1 };
  },
);
