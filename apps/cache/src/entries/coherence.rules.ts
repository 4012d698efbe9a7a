/** A near cache serves for this long after the sending of its last successful renewal. */
export const LEASE_MS = 900;
export const RENEW_MS = LEASE_MS / 3;
/**
 * A write waits this long for acknowledgements, counted from a moment at which its invalidations were on record:
 * then every lease that was given before has ended, on clocks whose rates differ by 1 % at most.
 */
export const FORCE_AFTER_MS = Math.ceil(LEASE_MS * 1.01) + 40;
/** The result of a pending write is looked up this often, in case the hint was lost. */
export const LOOK_UP_MS = 250;
/** A write that is pending for this long is given up: its outcome is unknown. */
export const GIVE_UP_MS = 4_000;
/** A near cache holds an entry no longer than this. Redis forgets sharers after 12 hours (coherence.lua). */
export const MAX_HOLD_MS = 3_600_000;
/** Of a time to live that Redis tells: the near cache's clock may be slower by this. */
export const CLOCK_RATE = 0.99;
/** A near cache that was not used for this long leaves. */
export const IDLE_MS = 60_000;
/** Bytes of all near caches of a node together. */
export const NODE_NEAR_BYTES = 268_435_456;
/** Bytes of the near cache of one cache on one node, unless configured. */
export const DEFAULT_NEAR_BYTES = 67_108_864;
/** One entry takes at most this part of a near cache. */
export const LARGEST_SHARE = 0.01;

export const INVALIDATED = 'cache.invalidated';
export const SETTLED = 'cache.settled';
export const FILLED = 'cache.filled';
