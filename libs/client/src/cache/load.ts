import { abortable } from '../abortable.js';
import { duration } from '../durations.js';
import { isUnavailable, ValidationError, VersionMismatchError, WaitTimeoutError } from '../errors.js';
import type { Tracing } from '../tracing.js';
import type { CachePort, Content, Filled, SetOptions } from './cache-port.js';
import type { Codec } from './codec.js';
import { FillLease } from './fill-lease.js';
import type { LoadOutcome, SharedLoad, SharedLoads } from './shared-loads.js';
import type { Values } from './values.js';

const DEFAULT_WAIT_MS = 10_000;
/** Longest wait of one request. */
const MAX_WAIT_MS = 600_000;
const DEFAULT_LEASE_MS = 5_000;
/** With `whenAway: 'load'`, a cache that does not answer within this time counts as away. */
const AWAY_AFTER_MS = 1_000;

/** How to load an absent value. */
export interface LoadOptions extends SetOptions {
  /** How long to wait while another caller loads; after that this caller loads for itself. `Infinity`: for ever. Default 10,000. */
  readonly waitMs?: number;
  /**
   * After this time without a renewal another caller may load. While the loader runs, the lease is renewed every third
   * of it. 100 to 3,600,000. Default 5,000.
   */
  readonly leaseMs?: number;
  /**
   * When no node answers, or no node reaches Redis: `fail` with that error, or `load` without storing. With `load`, a
   * cache that does not answer within 1 s counts as away. Default `fail`.
   */
  readonly whenAway?: 'fail' | 'load';
  readonly signal?: AbortSignal;
}

export type Loader<Value> = (signal: AbortSignal) => Value | Promise<Value>;

/** What loads of one cache share. */
export interface LoadServices<Value> {
  readonly port: CachePort;
  readonly sharedLoads: SharedLoads;
  readonly tracing: Tracing | undefined;
  /** The name of the cache. */
  readonly cache: string;
  readonly codec: Codec<Value>;
  readonly values: Values<Value>;
  readonly onError: (error: unknown) => void;
}

/** Gets one value for one call of `getOrSet`. */
export class Load<Value> {
  private readonly startedAt = performance.now();
  private readonly deadline: number;
  private readonly signal: AbortSignal;

  /** @param id of the cache and the key: calls with the same id share a load */
  constructor(
    private readonly services: LoadServices<Value>,
    private readonly id: string,
    private readonly key: string,
    private readonly loader: Loader<Value>,
    private readonly options: LoadOptions,
  ) {
    const waitMs = duration('waitMs', options.waitMs ?? DEFAULT_WAIT_MS, { forever: 'to wait for ever' });
    this.deadline = this.startedAt + waitMs;
    this.signal = options.signal ?? new AbortController().signal;
  }

  async run(): Promise<Value> {
    this.signal.throwIfAborted();
    const { staleMs, whenAway } = this.options;
    let away = false;
    for (let first = true; ; first = false) {
      // Only a fill says whether a stale value needs a refresh. A caller that waited for another load has a fresh value.
      const needsFill = first && staleMs !== undefined;
      if (!needsFill || whenAway === 'load') {
        const known = await this.known();
        away = known === 'away';
        if (known !== null && known !== 'away' && !needsFill) return known.value;
      }
      const { load, joined } = this.services.sharedLoads.of(this.id, (own) => this.loadShared(own, away));
      const early = load.isNewerThan(this.startedAt);
      const outcome = await load.join(this.startedAt, this.deadline - performance.now(), this.signal);
      if (outcome === null) return this.loadForItself();
      // While the cache is away, no read or write can be newer than the loaded value.
      if (outcome.how !== 'refused' && (!joined || (outcome.how === 'loaded' && (early || away)))) {
        return this.services.values.of(Buffer.from(outcome.bytes));
      }
      if (outcome.how !== 'refused') continue;
      const lost = isUnavailable(outcome.error);
      if (lost && whenAway === 'load') return this.loadForItself();
      if (lost || !joined) throw outcome.error;
    }
  }

  private get loadsWhenAway(): boolean {
    return this.options.whenAway === 'load' && !this.signal.aborted;
  }

  /** The current entry of the cache; null when absent, `away` when the cache does not answer. */
  private async known() {
    const reading = this.services.values.read(this.key);
    if (!this.loadsWhenAway) return abortable(reading, this.signal);
    const timeout = AbortSignal.timeout(AWAY_AFTER_MS);
    try {
      return await abortable(reading, AbortSignal.any([this.signal, timeout]));
    } catch (error) {
      if (this.loadsWhenAway && (timeout.aborted || isUnavailable(error))) return 'away';
      throw error;
    }
  }

  private async loadForItself(): Promise<Value> {
    const { bytes } = await abortable(this.load(this.signal), this.signal);
    return this.services.values.of(bytes);
  }

  private async loadShared(load: SharedLoad, away: boolean): Promise<LoadOutcome> {
    const fill = away ? null : await this.fill(load);
    if (fill instanceof Error) return { how: 'refused', error: fill };
    if (fill?.bytes != null) {
      // The caller gets the stale value; the refresh continues without it.
      if (fill.fillLease !== undefined) {
        void this.loadWith(fill.fillLease, new AbortController().signal).catch(this.services.onError);
      }
      return { how: 'found', bytes: fill.bytes };
    }
    load.begin({ waited: fill === null });
    const { fillLease } = fill ?? {};
    const loaded =
      fillLease === undefined
        ? await this.load(load.abandoned)
        : await this.loadWith(fillLease, load.abandoned);
    return { how: 'loaded', bytes: loaded.bytes };
  }

  /** Null: load without storing. */
  private async fill(load: SharedLoad): Promise<Filled | Error | null> {
    const signal = AbortSignal.any([load.abandoned, load.impatient]);
    for (;;) {
      const waitMs = Math.max(0, Math.round(this.deadline - performance.now()));
      try {
        const times = { waitMs: Math.min(waitMs, MAX_WAIT_MS), leaseMs: this.leaseMs };
        return await this.services.port.fill(this.key, this.options, times, signal);
      } catch (error) {
        if (error instanceof WaitTimeoutError && waitMs > MAX_WAIT_MS) continue;
        if (error instanceof WaitTimeoutError || (load.impatient.aborted && !load.abandoned.aborted))
          return null;
        if (isUnavailable(error)) return this.options.whenAway === 'load' ? null : error;
        if (error instanceof ValidationError) return error;
        throw error;
      }
    }
  }

  /** Loads under a fill lease and stores the value. */
  private async loadWith(fillLease: string, signal: AbortSignal): Promise<Loaded> {
    const { port, onError } = this.services;
    const lease = new FillLease(port, this.key, fillLease, this.leaseMs);
    const onAbort = () => void lease.release();
    signal.addEventListener('abort', onAbort, { once: true });
    let loaded: Loaded;
    try {
      loaded = await this.load(signal);
    } catch (error) {
      await lease.release({ error });
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    try {
      await lease.store(loaded, this.options);
    } catch (error) {
      // A write or invalidation came in between: the value is valid for our callers, but must not be stored.
      if (!(error instanceof VersionMismatchError)) onError(error);
    }
    return loaded;
  }

  /** The loaded value, encoded as it is stored, so that this caller and later readers get the same. */
  private async load(signal: AbortSignal): Promise<Loaded> {
    const { codec, tracing, cache } = this.services;
    const value = await (tracing === undefined
      ? this.loader(signal)
      : tracing.load(cache, () => this.loader(signal)));
    const encoded = codec.encode(value);
    const bytes = typeof encoded === 'string' ? Buffer.from(encoded) : Buffer.from(encoded);
    return { bytes, contentType: codec.contentType };
  }

  private get leaseMs(): number {
    return this.options.leaseMs ?? DEFAULT_LEASE_MS;
  }
}

interface Loaded extends Content {
  readonly bytes: Buffer;
}
