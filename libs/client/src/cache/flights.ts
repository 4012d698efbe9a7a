import { abortable } from '../abortable.js';
import { LONGEST_TIMER_MS } from '../durations.js';

/** What a flight brought. */
export type Landing =
  /** From the cache: right for whoever asked for it, maybe too old for those who came later. */
  | { readonly how: 'found'; readonly bytes: Buffer }
  /** From the loader: right for all who stood there when it began. */
  | { readonly how: 'loaded'; readonly bytes: Buffer }
  /** The cache could not be asked. A request that was not valid says nothing to others. */
  | { readonly how: 'refused'; readonly error: Error };

/** One caller of this process gets a value; others of this process that want it wait for that. */
export class Flight {
  private readonly left = new AbortController();
  private readonly patience = new AbortController();
  private readonly landing: Promise<Landing>;
  private callers = 0;
  /** The loader runs: what it brings may be older than a call from now on. */
  loading = false;

  /** @param onEnd it landed, or nobody waits for it any more */
  constructor(
    run: (flight: Flight) => Promise<Landing>,
    private readonly onEnd: () => void,
  ) {
    this.landing = run(this).finally(onEnd);
    this.landing.catch(() => {
      // Whoever waits is told.
    });
  }

  /** Aborted when nobody waits for it any more. */
  get abandoned(): AbortSignal {
    return this.left.signal;
  }

  /** Aborted when somebody here has waited long enough for what others load. */
  get hurried(): AbortSignal {
    return this.patience.signal;
  }

  /**
   * @param ms longest wait for somebody else's value
   * @returns null when that is over, and the loader of another caller of this process still runs
   * @throws what `run` throws, or the reason of `signal`
   */
  async join(ms: number, signal: AbortSignal): Promise<Landing | null> {
    this.callers += 1;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), Math.min(ms, LONGEST_TIMER_MS));
    });
    try {
      const landing = await abortable(Promise.race([this.landing, late]), signal);
      if (landing !== null || this.loading) return landing;
      // All who stand here share one load.
      this.patience.abort();
      return await abortable(this.landing, signal);
    } finally {
      clearTimeout(timer);
      this.callers -= 1;
      if (this.callers === 0) {
        this.onEnd();
        this.left.abort(signal.reason);
      }
    }
  }
}

/** The flights of a client, by cache and key. */
export class Flights {
  private readonly flights = new Map<string, Flight>();

  /** The flight that is under way, or a new one. */
  of(id: string, run: (flight: Flight) => Promise<Landing>): { flight: Flight; joined: boolean } {
    const known = this.flights.get(id);
    if (known !== undefined) return { flight: known, joined: true };
    const flight: Flight = new Flight(run, () => {
      if (this.flights.get(id) === flight) this.flights.delete(id);
    });
    this.flights.set(id, flight);
    return { flight, joined: false };
  }
}
