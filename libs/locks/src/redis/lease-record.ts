import { type Holder, realmIn, toInstant } from '@syncline/contracts';
import { type Grant, modeOf } from '../lease/lease.js';
import { kindOf, resourceName } from '../lease/resource.js';

/**
 * Owners stand in records without blanks. Those of two tenants are not the same, whatever they call themselves: the realm comes
 * first, and an encoded text has no slash.
 *
 * @param name of what the owner has or wants, or the id of its session
 */
export function encodeOwner(owner: string, name: string): string {
  const realm = realmIn(name);
  return realm === '' ? encodeURIComponent(owner) : `${realm}/${encodeURIComponent(owner)}`;
}
export const decodeOwner = (owner: string): string => decodeURIComponent(owner.slice(owner.indexOf('/') + 1));

/** Metadata as one text; `-` for none. */
export const encodeMetadata = (metadata: object | null): string =>
  metadata === null ? '-' : JSON.stringify(metadata);
export const decodeMetadata = (text: string) => (text === '-' ? null : JSON.parse(text));

/** Reads a lease from the record that the scripts keep of it (see `name.lua`). */
export function readLease(key: string, leaseId: string, record: string, endsAt: number): Grant {
  const [permits, _state, _session, token = '', acquiredAt, waitedMs, ttlMs, owner = '', ...rest] =
    record.split(' ');
  const mode = modeOf(Number(permits));
  return {
    name: resourceName(key),
    leaseId,
    owner: decodeOwner(owner),
    mode,
    permits: mode === 'exclusive' ? 1 : Number(permits),
    fencingToken: token,
    ttlMs: Number(ttlMs),
    acquiredAt: toInstant(Number(acquiredAt)),
    expiresAt: toInstant(endsAt),
    waitedMs: Number(waitedMs),
    metadata: decodeMetadata(rest.join(' ')),
  };
}

/** The lease as others see it. */
export function readHolder(key: string, record: string, endsAt: number): Holder {
  const { leaseId: _right, ...holder } = readLease(key, '', record, endsAt);
  return holder;
}

/** How many fields a granted lease has in a reply: record, end, limit. */
export const FIELDS_OF_LEASE = 3;

/** @param flat record, end and limit of the lease of each key in turn */
const readLeases = (keys: readonly string[], leaseId: string, flat: readonly string[]): Grant[] =>
  keys.map((key, i) => {
    const at = FIELDS_OF_LEASE * i;
    const lease = readLease(key, leaseId, String(flat[at]), Number(flat[at + 1]));
    return kindOf(key) === 'semaphore' ? { ...lease, limit: Number(flat[at + 2]) } : lease;
  });

/** A lease as Redis keeps it: enough to assert it at another instance. */
export interface LeaseRecord {
  readonly key: string;
  readonly leaseId: string;
  readonly record: string;
  /** ms of the clock of the Redis that granted or renewed it. */
  readonly endsAt: number;
  readonly limit: string;
}

/** @param flat as for {@link readLeases} */
const readRecords = (keys: readonly string[], leaseId: string, flat: readonly string[]): LeaseRecord[] =>
  keys.map((key, i) => {
    const at = FIELDS_OF_LEASE * i;
    return {
      key,
      leaseId,
      record: String(flat[at]),
      endsAt: Number(flat[at + 1]),
      limit: String(flat[at + 2]),
    };
  });

/** Leases for their holder, and for what this node remembers. @param flat as for {@link readLeases} */
export const readGrant = (keys: readonly string[], leaseId: string, flat: readonly string[]) => ({
  leases: readLeases(keys, leaseId, flat),
  records: readRecords(keys, leaseId, flat),
});

/** What of a record says how long it counts, and for whom. */
export function termsOf(record: string) {
  const [, state = '', session = '', token, , , ttlMs] = record.split(' ', 7);
  return { state, session, token, ttlMs: Number(ttlMs) };
}

/** @param flat key, record and end of each holder in turn */
export function readHolders(flat: readonly string[]): Holder[] {
  const holders: Holder[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    holders.push(readHolder(String(flat[i]), String(flat[i + 1]), Number(flat[i + 2])));
  }
  return holders;
}
