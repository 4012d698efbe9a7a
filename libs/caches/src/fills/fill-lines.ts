import { randomUUID } from 'node:crypto';
import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { StoreUnavailable } from '@syncline/redis';
import { type DisconnectSignal, Drain, InFlight, Loop, Parked } from '@syncline/runtime';
import { FillFailed } from '../entries/entries.errors.js';
import { Reader } from '../entries/reader.js';
import { FillsStore } from '../redis/fills.store.js';
import type { FillEnd } from '../redis/hints.js';
import { byPart, type Part, Shards } from '../redis/shards.js';
import { type Filled, FillLine, type FillOptions } from './fill-line.js';

/** How often the leases that callers of this node wait for are looked at, in case a hint was lost. */
const LOOK_MS = 500;
const MAX_LOOKED_AT = 1_000;

interface Place {
  readonly part: Part;
  readonly key: string;
  readonly line: FillLine;
}

/** No name of a cache has a line feed. */
const placeOf = (cache: string, key: string) => `${cache}\n${key}`;

/** Where callers of this node wait for another caller's fill: a line for each key. */
@Injectable()
export class FillLines implements OnApplicationBootstrap {
  private readonly logger = new Logger(FillLines.name);
  private readonly places = new InFlight<Place>();
  private readonly looks = new Loop(() => this.look(), Number.POSITIVE_INFINITY, this.logger);
  private readonly parked: Parked<Filled>;
  private requests = 0;

  constructor(
    private readonly reader: Reader,
    private readonly store: FillsStore,
    private readonly shards: Shards,
    drain: Drain,
  ) {
    this.parked = new Parked(drain);
  }

  onApplicationBootstrap(): void {
    this.looks.start();
  }

  /**
   * @param disconnect aborted when the caller went away
   * @throws FillWaitTimeout, FillFailed; StoreUnavailable when Redis is away meanwhile, ShuttingDown when the node stops
   */
  async join(
    cache: string,
    key: string,
    options: FillOptions,
    disconnect: DisconnectSignal,
  ): Promise<Filled> {
    this.requests += 1;
    const id = `${this.requests}`;
    const request = this.parked.enter(id);
    const place = this.places.get(placeOf(cache, key)) ?? this.open(cache, key);
    try {
      return await place.line.join(options, request, disconnect);
    } finally {
      this.parked.delete(id);
    }
  }

  /** A hint: the lease of a key ended. */
  onFilled({ cache, key, failure }: FillEnd): void {
    const line = this.places.get(placeOf(cache, key))?.line;
    if (failure === null) line?.wake();
    else line?.onFailed(failure.lease, new FillFailed(failure.reason));
  }

  private open(cache: string, key: string): Place {
    const at = placeOf(cache, key);
    const leases = {
      request: async (
        { leaseMs, tags = [] }: FillOptions,
        waits: { waits: boolean; othersWait: boolean },
      ) => {
        const lease = randomUUID();
        const reply = await this.reader.lease(cache, key, { lease, leaseMs, tags, ...waits });
        const { state, ...rest } = reply;
        return { ...rest, hit: state === 'hit', fillLease: state === 'lease' ? lease : null };
      },
      end: (lease: string) => this.store.end(cache, { key, lease }),
    };
    const line = new FillLine(leases, () => this.places.delete(at), this.logger);
    const place = { part: { cache, shard: this.shards.of(cache, key) }, key, line };
    this.places.set(at, place);
    this.looks.within(LOOK_MS);
    return place;
  }

  /** One script a part of a cache, however many callers wait. */
  private async look(): Promise<void> {
    const places = byPart(this.places.values());
    if (places.length > 0) this.looks.within(LOOK_MS);
    await Promise.all(places.map(([part, some]) => this.lookIn(part, some)));
  }

  private async lookIn(part: Part, places: readonly Place[]): Promise<void> {
    const keys = places.slice(0, MAX_LOOKED_AT).map(({ key }) => key);
    try {
      for (const key of await this.store.free(part, { keys }))
        this.places.get(placeOf(part.cache, key))?.line.wake();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      for (const { line } of places) line.failAll(error);
    }
  }
}
