/** A near cache serves for this long after the sending of its last successful renewal. */
export const LEASE_MS = 900;
export const RENEW_MS = LEASE_MS / 3;
/** A node lets its lease end when no reader came for this long, until the next one comes. */
export const REST_AFTER_MS = 3_000;
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
/** A near cache holds that there is no entry no longer than this. */
export const MAX_ABSENCE_MS = 5_000;
/** Redis forgets after this who holds that there is no entry (ABSENT_TTL_MS in coherence.lua). */
export const ABSENCE_KNOWN_MS = 60_000;
/** So many absences Redis knows of a node: what is asked for and is not there must cost no memory to speak of. */
export const MAX_ABSENCES = 1_000;
/** Of a time to live that Redis tells: the near cache's clock may be slower by this. */
export const CLOCK_RATE = 0.99;
/** A near cache that was not used for this long is given up. */
export const IDLE_MS = 60_000;
/** Bytes of all near caches of a node together. */
export const NODE_NEAR_BYTES = 268_435_456;
/** So many near caches a node has; one more, and the one that was not used for the longest time goes. */
export const MAX_NEAR_CACHES = 1_000;

export const INVALIDATED = 'cache.invalidated';
export const SETTLED = 'cache.settled';
export const FILLED = 'cache.filled';
