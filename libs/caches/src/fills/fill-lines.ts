import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { StoreUnavailable } from '@syncline/redis';
import { type DisconnectSignal, Drain, ShuttingDown } from '@syncline/runtime';
import { FillFailed } from '../entries/entries.errors.js';
import { Reader } from '../entries/reader.js';
import { EntriesStore } from '../redis/entries.store.js';
import { type Fill, FillLine, type FillWish } from './fill-line.js';

/** How often the leases that callers of this node wait for are looked at, in case a hint was lost. */
const LOOK_MS = 500;
const MAX_LOOKED_AT = 1_000;

interface Place {
  readonly cache: string;
  readonly key: string;
  readonly line: FillLine;
}

/** Where callers of this node wait for somebody else's fill: a line for each key. */
@Injectable()
export class FillLines {
  private readonly logger = new Logger(FillLines.name);
  /** By cache and key. An object, not a map: see `docs/decisions/garbage.md`. */
  private readonly places: Record<string, Place> = Object.create(null);
  private count = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly reader: Reader,
    private readonly store: EntriesStore,
    private readonly drain: Drain,
  ) {
    drain.signal.addEventListener('abort', () => {
      for (const { line } of Object.values(this.places)) line.failAll(new ShuttingDown());
    });
  }

  /**
   * @param disconnect aborted when the caller went away
   * @throws FillWaitTimeout, FillFailed; StoreUnavailable when Redis is away meanwhile, ShuttingDown when the node stops
   */
  async join(cache: string, key: string, wish: FillWish, disconnect: DisconnectSignal): Promise<Fill> {
    if (this.drain.draining) throw new ShuttingDown();
    const place = this.places[placeOf(cache, key)] ?? this.open(cache, key);
    return place.line.join(wish, disconnect);
  }

  /** A hint: the lease of a key ended, and why if there is nothing to come. */
  onFilled(cache: string, key: string, lease: string | undefined, reason: string | undefined): void {
    const line = this.places[placeOf(cache, key)]?.line;
    if (lease !== undefined && reason !== undefined) line?.onFailed(lease, new FillFailed(reason));
    else line?.wake();
  }

  private open(cache: string, key: string): Place {
    const at = placeOf(cache, key);
    const line = new FillLine(
      {
        ask: async ({ leaseMs, tags = [] }, waits) => {
          const lease = randomUUID();
          const answer = await this.reader.lease(cache, key, { lease, leaseMs, tags, ...waits });
          const { state, ...rest } = answer;
          return { ...rest, hit: state === 'hit', fillLease: state === 'lease' ? lease : null };
        },
        giveBack: (lease) => this.store.endFill(cache, { key, lease }),
      },
      () => {
        if (this.places[at] === undefined) return;
        delete this.places[at];
        this.count -= 1;
        if (this.count > 0) return;
        clearInterval(this.timer);
        this.timer = undefined;
      },
    );
    const place = { cache, key, line };
    this.places[at] = place;
    this.count += 1;
    this.timer ??= setInterval(() => void this.look(), LOOK_MS);
    return place;
  }

  /** One script a cache, however many callers wait. */
  private async look(): Promise<void> {
    const byCache = new Map<string, Place[]>();
    for (const place of Object.values(this.places)) {
      byCache.set(place.cache, [...(byCache.get(place.cache) ?? []), place]);
    }
    await Promise.all([...byCache].map(([cache, places]) => this.lookIn(cache, places)));
  }

  private async lookIn(cache: string, places: readonly Place[]): Promise<void> {
    const keys = places.slice(0, MAX_LOOKED_AT).map(({ key }) => key);
    try {
      for (const key of await this.store.freeLeases(cache, keys))
        this.onFilled(cache, key, undefined, undefined);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) {
        this.logger.error(error);
        return;
      }
      for (const { line } of places) line.failAll(error);
    }
  }
}

/** No name of a cache has a line feed. */
const placeOf = (cache: string, key: string) => `${cache}\n${key}`;
