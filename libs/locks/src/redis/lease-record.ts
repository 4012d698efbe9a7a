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
export const readLease = (key: string, leaseId: string, record: string, endsAt: number): Grant =>
  leaseOf(key, leaseId, record.split(' '), endsAt);

function leaseOf(key: string, leaseId: string, fields: readonly string[], endsAt: number): Grant {
  const [permits, _state, _session, token = '', acquiredAt, waitedMs, ttlMs, owner = '', ...rest] = fields;
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

/** A lease as Redis keeps it: enough to assert it at another instance. */
export interface LeaseRecord {
  readonly key: string;
  readonly leaseId: string;
  readonly record: string;
  /** ms of the clock of the Redis that granted or renewed it. */
  readonly endsAt: number;
  readonly limit: string;
  /** Its session, or null. */
  readonly sessionId: string | null;
  readonly fencingToken: string;
  readonly ttlMs: number;
}

/** Leases for their holder, and for what this node remembers. @param flat record, end and limit of the lease of each key in turn */
export function readGrant(keys: readonly string[], leaseId: string, flat: readonly string[]) {
  const leases: Grant[] = [];
  const records: LeaseRecord[] = [];
  for (const [i, key] of keys.entries()) {
    const at = FIELDS_OF_LEASE * i;
    const record = String(flat[at]);
    const endsAt = Number(flat[at + 1]);
    const limit = String(flat[at + 2]);
    const fields = record.split(' ');
    const lease = leaseOf(key, leaseId, fields, endsAt);
    leases.push(kindOf(key) === 'semaphore' ? { ...lease, limit: Number(limit) } : lease);
    const { fencingToken, ttlMs } = lease;
    const [, , session = ''] = fields;
    const sessionId = session === '-' ? null : session;
    records.push({ key, leaseId, record, endsAt, limit, sessionId, fencingToken, ttlMs });
  }
  return { leases, records };
}

/** For whom a record counts. */
export const stateOf = (record: string): string => record.split(' ', 2)[1] ?? '';

/** @param flat key, record and end of each holder in turn */
export function readHolders(flat: readonly string[]): Holder[] {
  const holders: Holder[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    holders.push(readHolder(String(flat[i]), String(flat[i + 1]), Number(flat[i + 2])));
  }
  return holders;
}
