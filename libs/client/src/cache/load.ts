import type { FillResult } from '@syncline/contracts';
import { abortable } from '../abortable.js';
import { duration } from '../durations.js';
import {
  ConnectionError,
  DeadlineError,
  ShuttingDownError,
  StoreUnavailableError,
  ValidationError,
  VersionMismatchError,
  WaitTimeoutError,
} from '../errors.js';
import type { Codec } from './codec.js';
import { bytesOf, type Content, type EntryCalls, type SetOptions } from './entry-calls.js';
import { FillLease } from './fill-lease.js';
import type { Flight, Flights, Landing } from './flights.js';

const DEFAULT_WAIT_MS = 10_000;
/** Longest wait of one request. */
const MAX_WAIT_MS = 600_000;
const DEFAULT_LEASE_MS = 5_000;
/** A cache that does not answer for so long is away to those who load then. */
const PATIENCE_MS = 1_000;

/** How a value that is absent is loaded. */
export interface LoadOptions extends SetOptions {
  /** How long to wait while somebody else loads. Then this caller loads for itself. `Infinity` is for ever. Default 10,000. */
  readonly waitMs?: number;
  /**
   * How soon somebody else may load when this process is gone: a loader that runs longer keeps its right to store, by
   * a renewal each third of it. 100 to 3,600,000. Default 5,000.
   */
  readonly leaseMs?: number;
  /**
   * When no node answers, or none of them reaches Redis: `fail` with that error, or `load` without storing. With `load`
   * a cache that has not answered within 1 s is away. Default `fail`.
   */
  readonly whenAway?: 'fail' | 'load';
  readonly signal?: AbortSignal;
}

export type Loader<Value> = (signal: AbortSignal) => Value | Promise<Value>;

/** What a cache loads with. */
export interface LoadServices<Value> {
  readonly calls: EntryCalls;
  readonly flights: Flights;
  readonly codec: Codec<Value>;
  readonly onError: (error: unknown) => void;
}

/** Gets one value for one call of `getOrSet`. */
export class Load<Value> {
  private readonly deadline: number;
  private readonly signal: AbortSignal;

  /** @param id of the cache and the key: calls with the same one share a flight */
  constructor(
    private readonly services: LoadServices<Value>,
    private readonly id: string,
    private readonly key: string,
    private readonly loader: Loader<Value>,
    private readonly options: LoadOptions,
  ) {
    const waitMs = duration('waitMs', options.waitMs ?? DEFAULT_WAIT_MS, { forever: 'to wait for ever' });
    this.deadline = performance.now() + waitMs;
    this.signal = options.signal ?? new AbortController().signal;
  }

  async run(): Promise<Value> {
    this.signal.throwIfAborted();
    const { staleMs, whenAway } = this.options;
    let away = false;
    for (let first = true; ; first = false) {
      // Only a fill tells whether a value is to be refreshed. Who waited for another's value has it without that.
      const needsFill = first && staleMs !== undefined;
      if (!needsFill || whenAway === 'load') {
        const known = await this.known();
        away = known === 'away';
        if (known !== null && known !== 'away' && !needsFill) return this.codec.decode(known.bytes);
      }
      const { flight, joined } = this.services.flights.of(this.id, (own) => this.fly(own, away));
      const early = !flight.loading;
      const landing = await flight.join(this.deadline - performance.now(), this.signal);
      if (landing === null) return this.loadForItself();
      // With the cache away there is nothing that was read or written to be newer than.
      if (landing.how !== 'refused' && (!joined || (landing.how === 'loaded' && (early || away)))) {
        return this.codec.decode(Buffer.from(landing.bytes));
      }
      if (landing.how !== 'refused') continue;
      const lost = isAway(landing.error);
      if (lost && whenAway === 'load') return this.loadForItself();
      if (lost || !joined) throw landing.error;
    }
  }

  private get codec(): Codec<Value> {
    return this.services.codec;
  }

  private get loadsWhenAway(): boolean {
    return this.options.whenAway === 'load' && !this.signal.aborted;
  }

  /** What the cache has now. */
  private async known() {
    const reading = this.services.calls.read(this.key);
    if (!this.loadsWhenAway) return abortable(reading, this.signal);
    const patience = AbortSignal.timeout(PATIENCE_MS);
    try {
      return await abortable(reading, AbortSignal.any([this.signal, patience]));
    } catch (error) {
      if (this.loadsWhenAway && (patience.aborted || isAway(error))) return 'away';
      throw error;
    }
  }

  private async loadForItself(): Promise<Value> {
    const { bytes } = await abortable(this.load(this.signal), this.signal);
    return this.codec.decode(bytes);
  }

  private async fly(flight: Flight, away: boolean): Promise<Landing> {
    const fill = away ? null : await this.fill(flight);
    if (fill instanceof Error) return { how: 'refused', error: fill };
    if (fill !== null && fill.status !== 'lease') {
      // It loads on when its caller, who has an answer, is gone.
      if (fill.fillLease !== undefined) {
        void this.loadWith(fill.fillLease, new AbortController().signal).catch(this.services.onError);
      }
      return { how: 'found', bytes: bytesOf(fill) };
    }
    flight.loading = true;
    const { fillLease } = fill ?? {};
    const loaded =
      fillLease === undefined
        ? await this.load(flight.abandoned)
        : await this.loadWith(fillLease, flight.abandoned);
    return { how: 'loaded', bytes: loaded.bytes };
  }

  /** Null: load without storing. */
  private async fill(flight: Flight): Promise<FillResult | Error | null> {
    const signal = AbortSignal.any([flight.abandoned, flight.hurried]);
    for (;;) {
      const waitMs = Math.max(0, Math.round(this.deadline - performance.now()));
      try {
        const wish = { waitMs: Math.min(waitMs, MAX_WAIT_MS), leaseMs: this.leaseMs };
        return await this.services.calls.fill(this.key, this.options, wish, signal);
      } catch (error) {
        if (error instanceof WaitTimeoutError && waitMs > MAX_WAIT_MS) continue;
        if (error instanceof WaitTimeoutError || (flight.hurried.aborted && !flight.abandoned.aborted))
          return null;
        if (isAway(error)) return this.options.whenAway === 'load' ? null : error;
        if (error instanceof ValidationError) return error;
        throw error;
      }
    }
  }

  /** Loads under a lease, and stores. */
  private async loadWith(fillLease: string, signal: AbortSignal): Promise<Loaded> {
    const { calls, onError } = this.services;
    const lease = new FillLease(calls, this.key, fillLease, this.leaseMs);
    const onAbort = () => void lease.giveBack();
    signal.addEventListener('abort', onAbort, { once: true });
    let loaded: Loaded;
    try {
      loaded = await this.load(signal);
    } catch (error) {
      await lease.giveBack({ error });
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    try {
      await lease.store(loaded, this.options);
    } catch (error) {
      // Somebody wrote or invalidated meanwhile: the value is right for us, but not to be kept.
      if (!(error instanceof VersionMismatchError)) onError(error);
    }
    return loaded;
  }

  /** What the loader brings, as it is stored: whoever gets it later gets the same. */
  private async load(signal: AbortSignal): Promise<Loaded> {
    const encoded = this.codec.encode(await this.loader(signal));
    const bytes = typeof encoded === 'string' ? Buffer.from(encoded) : Buffer.from(encoded);
    return { bytes, contentType: this.codec.contentType };
  }

  private get leaseMs(): number {
    return this.options.leaseMs ?? DEFAULT_LEASE_MS;
  }
}

interface Loaded extends Content {
  readonly bytes: Buffer;
}

/** The cache cannot be asked now. */
const isAway = (error: unknown): error is Error =>
  error instanceof ConnectionError ||
  error instanceof DeadlineError ||
  error instanceof StoreUnavailableError ||
  error instanceof ShuttingDownError;
