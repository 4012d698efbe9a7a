import { Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { StoreUnavailable } from '@syncline/redis';
import { CLOCK_RATE, MAX_HOLD_MS, NODE_NEAR_BYTES } from '../coherence/coherence.rules.js';
import type { Flight, Replica } from '../coherence/replica.js';
import { Replicas } from '../coherence/replicas.js';
import type { NearEntry } from '../near-cache/near-cache.js';
import { EntriesStore, type Reading } from '../redis/entries.store.js';
import type { LeaseState } from '../redis/scripts/fill.scripts.js';
import type { Told, ToldEntry } from '../redis/scripts/told.js';
import { CacheMetrics } from '../statistics/cache-metrics.js';
import { Statistics } from '../statistics/statistics.js';
import { Boarding } from './boarding.js';
import type { Entry, Found } from './entry.js';

/** A reply may outlive the entry that it carries; reading again finds out. */
const TRIES = 3;
const AUDIT_EVERY_MS = 1_000;

type LeaseInput = Parameters<EntriesStore['leaseFill']>[1];

/** Reads entries: from the near cache when its lease allows, else from Redis, keeping what may be kept. */
@Injectable()
export class Reader {
  private auditedAt = Number.NEGATIVE_INFINITY;
  /** Reads of Redis that are not sent yet: a herd that asks for one key asks once. */
  private readonly fills = new Boarding<Found>();

  constructor(
    private readonly store: EntriesStore,
    private readonly replicas: Replicas,
    private readonly metrics: CacheMetrics,
    private readonly statistics: Statistics,
    private readonly membership: Membership,
  ) {}

  /**
   * What the near cache may answer with now, without a word to Redis; null when it may not.
   * The caller answers in the same turn or later: the read takes effect now.
   */
  near(cache: string, key: string): Found | null {
    const held = this.replicas.replica.lookUp(cache, key);
    if (held === undefined) return null;
    this.count(cache, 'nearHits');
    this.auditSometimes(cache, key);
    return { source: 'near', entry: held.entry === null ? null : entryOf(held.entry) };
  }

  /** Reads past what the near cache holds now. */
  async fromStore(cache: string, key: string): Promise<Found> {
    const replica = await this.replicas.joined();
    return this.fill(cache, key, replica);
  }

  /** @param most bytes of a value that the caller wants to be told; a larger one is `leftOut`. Default: any */
  async read(cache: string, key: string, most?: number): Promise<Found> {
    const near = this.near(cache, key);
    if (near !== null) return near;
    const replica = await this.replicas.joined();
    // A fill that is under way may be older than this read; what it leaves in the near cache is as good as any hit.
    const landing = replica?.landingOf(cache, key);
    if (landing !== undefined) {
      await landing;
      const held = this.near(cache, key);
      if (held !== null) return held;
    }
    return this.fill(cache, key, replica, most);
  }

  /** Reads past what the near cache holds, and takes the fill lease when there is no fresh value and nobody has it. */
  async lease(
    cache: string,
    key: string,
    wish: Pick<LeaseInput, 'lease' | 'leaseMs' | 'tags' | 'waits' | 'othersWait'>,
  ): Promise<Omit<LeaseState, 'told'> & { entry: Entry | null }> {
    const replica = await this.replicas.joined();
    const { found, reply } = await this.fly(cache, key, replica, async (reader) => {
      const node = this.membership.nodeId;
      const reply = await this.store.leaseFill(cache, { ...reader, ...wish, node });
      return { reply, told: reply.told };
    });
    const entry = found?.entry ?? null;
    this.count(cache, entry === null ? 'misses' : 'storeHits');
    return { ...reply, entry };
  }

  private async fill(cache: string, key: string, replica: Replica | null, most?: number): Promise<Found> {
    const found = await this.fills.join(`${cache} ${most} ${key}`, async () => {
      for (let attempt = 0; attempt < TRIES; attempt += 1) {
        const { found } = await this.fly(cache, key, replica, async (reader) => {
          const told = await this.store.fill(cache, { ...reader, most });
          return { reply: null, told };
        });
        if (found !== null) return found;
      }
      throw new StoreUnavailable('Redis answers so late that the entry is over by then.');
    });
    if (found.leftOut === undefined) this.count(cache, found.entry === null ? 'misses' : 'storeHits');
    return found;
  }

  /** One read of Redis; `found` is null when what it found was over before it was here. */
  private async fly<T>(
    cache: string,
    key: string,
    replica: Replica | null,
    send: (reader: Reading) => Promise<{ reply: T; told: Told }>,
  ): Promise<{ found: Found | null; reply: T }> {
    const flight = replica?.takeOff(cache, key);
    const sentAt = performance.now();
    let answer: { reply: T; told: Told };
    try {
      answer = await send({
        key,
        incarnation: flight?.incarnation ?? '',
        fill: flight?.number ?? 0,
        room: replica?.roomFor(cache) ?? NODE_NEAR_BYTES,
        absences: replica?.hasRoomForAbsence(cache, key) ?? false,
      });
    } finally {
      if (flight !== undefined) replica?.land(flight);
    }
    const { told, reply } = answer;
    const entry = told.entry === null ? null : nearEntryOf(told.entry, sentAt, flight?.number ?? 0);
    if (replica !== null && flight !== undefined) this.keep(replica, flight, told, entry, sentAt);
    if (told.leftOut !== null) {
      return { found: { source: 'store', entry: null, leftOut: told.leftOut }, reply };
    }
    const usableMs = told.entry?.usableMs;
    if (usableMs != null && performance.now() >= sentAt + usableMs) return { found: null, reply };
    const { freshMs } = told.entry ?? {};
    const found = entry === null ? null : entryOf(entry, freshMs != null && freshMs <= 0);
    return { found: { source: 'store', entry: found }, reply };
  }

  private count(cache: string, name: 'nearHits' | 'storeHits' | 'misses'): void {
    this.metrics.reads.inc({ answer: name });
    this.statistics.count(cache, name);
  }

  /** At most once a second, so that a near hit costs Redis nothing. */
  private auditSometimes(cache: string, key: string): void {
    const now = performance.now();
    if (now - this.auditedAt < AUDIT_EVERY_MS) return;
    this.auditedAt = now;
    // An outage has its own line; an audit that cannot be made proves nothing.
    this.audit(cache, key).catch(() => {});
  }

  /**
   * Asks Redis first and looks into the near cache when the answer is here: what it would serve then, after the
   * answer, must be as new. In this order a mismatch is a proof.
   */
  private async audit(cache: string, key: string): Promise<void> {
    const version = await this.store.versionOf(cache, key);
    const held = this.replicas.replica.lookUp(cache, key);
    if (version === null || held?.entry == null) return;
    this.metrics.audits.inc();
    if (BigInt(held.entry.version) < BigInt(version)) this.metrics.staleHits.inc();
  }

  /** Takes what a reply told into the near cache when it may. In one turn with the arrival of the reply. */
  private keep(replica: Replica, flight: Flight, told: Told, entry: NearEntry | null, sentAt: number): void {
    if (flight.incarnation !== '' && !told.alive) this.replicas.fence(flight.incarnation);
    if (flight.incarnation !== '' && !told.cacheable) this.metrics.uncacheableFills.inc();
    if (!told.cacheable) return;
    if (entry === null) replica.keepAbsence(flight, sentAt);
    else replica.keep(flight, entry, told.entry?.tags ?? [], told.nearBytes);
  }
}

/** @param sentAt the durations that Redis tells count from here at the earliest */
function nearEntryOf(entry: ToldEntry, sentAt: number, fill: number): NearEntry {
  const { version, bytes, contentType, ageMs, freshMs, usableMs, expiresAt } = entry;
  const usable = usableMs === null ? MAX_HOLD_MS : Math.min(usableMs * CLOCK_RATE, MAX_HOLD_MS);
  return {
    ...{ version, bytes, contentType, expiresAt, fill },
    storedAt: sentAt - ageMs,
    freshUntil: freshMs === null ? Number.POSITIVE_INFINITY : sentAt + freshMs * CLOCK_RATE,
    usableUntil: sentAt + usable,
  };
}

function entryOf(held: NearEntry, stale = performance.now() >= held.freshUntil): Entry {
  const { version, bytes, contentType, expiresAt } = held;
  const ageMs = Math.max(0, performance.now() - held.storedAt);
  return { version, bytes, contentType, ageMs, expiresAt, stale };
}
