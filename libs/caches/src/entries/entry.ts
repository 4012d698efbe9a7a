/** An entry as a caller gets it. */
export interface Entry {
  readonly version: string;
  readonly bytes: Buffer;
  /** With its content encoding, if it has one: see content.ts. */
  readonly contentType: string;
  /** ms since it was stored. */
  readonly ageMs: number;
  /** ms since 1970 on Redis' clock; null: never. */
  readonly expiresAt: number | null;
  /** Its TTL is over: it is served until `staleMs` is over too. */
  readonly stale: boolean;
}

/** Where a read was answered from. */
export type Source = 'near' | 'store';

/** What a read found; `entry` is null when there is none. */
export interface Found {
  readonly source: Source;
  readonly entry: Entry | null;
  /** There is an entry of so many bytes: more than the caller wants to be told. */
  readonly leftOut?: number;
}

/** What to store. */
export interface Put {
  readonly bytes: Buffer;
  /** As in {@link Entry}. */
  readonly contentType: string;
  /** Time to live. Default: that of the cache. */
  readonly ttlMs?: number | undefined;
  /** How long after that the entry is still served, as stale. */
  readonly staleMs?: number | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** What must hold of the entry for a write to happen: `*` stands for any version. Empty: anything. */
export interface Conditions {
  readonly ifMatch: string;
  readonly ifNoneMatch: string;
  /** Fill lease that the write needs. Empty: none. */
  readonly fillLease: string;
}

export const UNCONDITIONAL: Conditions = { ifMatch: '', ifNoneMatch: '', fillLease: '' };

/** An entry's version and end. `expiresAt`: ms since 1970 on Redis' clock, null: never. */
export interface Life {
  readonly version: string;
  readonly expiresAt: number | null;
}

/** An entry as a listing shows it. */
export interface ListedEntry extends Life {
  readonly key: string;
  /** Size of the value. */
  readonly bytes: number;
}

/** The outcome of a write. */
export interface Written extends Life {
  readonly created: boolean;
}
