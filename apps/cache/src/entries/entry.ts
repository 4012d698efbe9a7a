/** An entry as Redis holds it. Durations are milliseconds counted from the reply; null: without end. */
export interface Entry {
  readonly version: string;
  readonly bytes: Buffer;
  readonly contentType: string;
  /** Time since it was stored. */
  readonly ageMs: number;
  /** Time until its TTL is over; negative while it is only served as stale. */
  readonly freshMs: number | null;
}

/** What to store. */
export interface Put {
  readonly bytes: Buffer;
  readonly contentType: string;
  /** Life of the entry. Default: that of the cache. */
  readonly ttlMs?: number | undefined;
  /** How long after its life the entry is still served, as stale. */
  readonly staleMs?: number | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** What must hold of the entry for a write to happen: `*` stands for any version. Empty: anything. */
export interface Conditions {
  readonly ifMatch: string;
  readonly ifNoneMatch: string;
}

/** What a write came to. `expiresAt`: ms since 1970 on Redis' clock, null: never. */
export interface Written {
  readonly created: boolean;
  readonly version: string;
  readonly expiresAt: number | null;
}
