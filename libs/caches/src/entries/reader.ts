import { Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { StoreUnavailable } from '@syncline/redis';
import { CLOCK_RATE, MAX_HOLD_MS } from '../coherence/coherence.rules.js';
import { NearHitAudit } from '../coherence/near-hit-audit.js';
import type { NearFill, Replica } from '../coherence/replica.js';
import { Replicas } from '../coherence/replicas.js';
import type { HeldEntry, NearEntry } from '../near-cache/near-cache.js';
import { EntriesStore } from '../redis/entries.store.js';
import { FillsStore } from '../redis/fills.store.js';
import type { FillLeaseReply, FillLeaseRequest } from '../redis/scripts/fill.commands.js';
import type { EntryReply, ReadReply } from '../redis/scripts/read-reply.js';
import type { ReaderState } from '../redis/scripts/reader-state.js';
import { CacheMetrics } from '../statistics/cache-metrics.js';
import { Statistics } from '../statistics/statistics.js';
import { Coalescer } from './coalescer.js';
import type { Entry, Found } from './entry.js';

/** A reply may outlive the entry that it carries; reading again finds out. */
const TRIES = 3;

/** What a caller asks of the fill lease of a key. */
type LeaseOptions = Omit<FillLeaseRequest, keyof ReaderState | 'node'>;

/** Reads entries: from the near cache when its lease allows, else from Redis, keeping what may be kept. */
@Injectable()
export class Reader {
  /** Reads of Redis that are not sent yet: a herd that asks for one key asks once. */
  private readonly unsent = new Coalescer<Found>();

  constructor(
    private readonly store: EntriesStore,
    private readonly fills: FillsStore,
    private readonly replicas: Replicas,
    private readonly audit: NearHitAudit,
    private readonly metrics: CacheMetrics,
    private readonly statistics: Statistics,
    private readonly membership: Membership,
  ) {}

  /**
   * What the near cache may answer with now, without a word to Redis: null when there is no entry, undefined when only
   * Redis can tell. The caller answers in the same turn or later: the read takes effect now.
   */
  peek(cache: string, key: string): HeldEntry | null | undefined {
    const now = performance.now();
    const held = this.replicas.lookUp(cache, key, now);
    if (held === undefined) return undefined;
    this.count(cache, 'nearHits');
    this.audit.onNearHit(cache, key, now);
    return held;
  }

  /** The same for a caller that gets its own view of the entry; null when only Redis can tell. */
  near(cache: string, key: string): Found | null {
    const held = this.peek(cache, key);
    if (held === undefined) return null;
    return { source: 'near', entry: held === null ? null : entryOf(held) };
  }

  /** Reads past what the near cache holds now. */
  async fromStore(cache: string, key: string): Promise<Found> {
    return this.ask(cache, key, await this.replicas.of(cache, key).joined());
  }

  /** @param most bytes of a value that the caller takes; a larger one is `leftOut`. Default: any */
  async read(cache: string, key: string, most?: number): Promise<Found> {
    const near = this.near(cache, key);
    if (near !== null) return near;
    const replica = await this.replicas.of(cache, key).joined();
    // A fill that is under way may be older than this read; what it leaves in the near cache is as good as any hit.
    const underWay = replica.fillUnderWay(cache, key);
    if (underWay !== undefined) {
      await underWay;
      const held = this.near(cache, key);
      if (held !== null) return held;
    }
    return this.ask(cache, key, replica, most);
  }

  /** Reads past what the near cache holds, and takes the fill lease when there is no fresh value and nobody has it. */
  async lease(
    cache: string,
    key: string,
    options: LeaseOptions,
  ): Promise<Omit<FillLeaseReply, 'read'> & { entry: Entry | null }> {
    const replica = await this.replicas.of(cache, key).joined();
    const { found, reply } = await this.readThrough(cache, key, replica, async (reader) => {
      const node = this.membership.nodeId;
      const reply = await this.fills.lease(cache, { ...reader, ...options, node });
      return { reply, read: reply.read };
    });
    const entry = found?.entry ?? null;
    this.count(cache, entry === null ? 'misses' : 'storeHits');
    return { ...reply, entry };
  }

  private async ask(cache: string, key: string, replica: Replica, most?: number): Promise<Found> {
    const found = await this.unsent.join(`${cache} ${most} ${key}`, async () => {
      for (let attempt = 0; attempt < TRIES; attempt += 1) {
        const { found } = await this.readThrough(cache, key, replica, async (reader) => {
          const read = await this.store.fill(cache, { ...reader, most });
          return { reply: null, read };
        });
        if (found !== null) return found;
      }
      throw new StoreUnavailable('Redis answers so late that the entry is over by then.');
    });
    if (found.leftOut === undefined) this.count(cache, found.entry === null ? 'misses' : 'storeHits');
    return found;
  }

  /** One read of Redis through the near cache; `found` is null when what it found was over before it was here. */
  private async readThrough<T>(
    cache: string,
    key: string,
    replica: Replica,
    send: (reader: ReaderState) => Promise<{ reply: T; read: ReadReply }>,
  ): Promise<{ found: Found | null; reply: T }> {
    const fill = replica.beginFill(cache, key);
    const sentAt = performance.now();
    let answer: { reply: T; read: ReadReply };
    try {
      answer = await send({
        key,
        incarnation: fill.incarnation,
        fill: fill.number,
        room: replica.roomFor(cache),
        absences: replica.hasRoomForAbsence(cache, key),
      });
    } finally {
      replica.endFill(fill);
    }
    const { read, reply } = answer;
    const entry = read.entry === null ? null : nearEntryOf(read.entry, sentAt, fill.number);
    this.keep(replica, fill, read, entry, sentAt);
    if (read.leftOut !== null) {
      return { found: { source: 'store', entry: null, leftOut: read.leftOut }, reply };
    }
    const { usableMs, freshMs } = read.entry ?? {};
    if (usableMs != null && performance.now() >= sentAt + usableMs) return { found: null, reply };
    const found = entry === null ? null : entryOf(entry, freshMs != null && freshMs <= 0);
    return { found: { source: 'store', entry: found }, reply };
  }

  private count(cache: string, name: 'nearHits' | 'storeHits' | 'misses'): void {
    this.metrics.reads[name] += 1;
    this.statistics.count(cache, name);
  }

  /** Takes what a reply brought into the near cache when it may. In one turn with the arrival of the reply. */
  private keep(
    replica: Replica,
    fill: NearFill,
    read: ReadReply,
    entry: NearEntry | null,
    sentAt: number,
  ): void {
    if (fill.incarnation !== '' && !read.alive)
      this.replicas.of(fill.cache, fill.key).fence(fill.incarnation);
    if (fill.incarnation !== '' && !read.cacheable) this.metrics.uncacheableFills.inc();
    if (!read.cacheable) return;
    if (entry === null) replica.keepAbsence(fill, sentAt);
    else replica.keep(fill, entry, read.entry?.tags ?? [], read.nearBytes);
  }
}

/** @param sentAt the durations of a reply count from here at the earliest */
function nearEntryOf(entry: EntryReply, sentAt: number, fill: number): NearEntry {
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
