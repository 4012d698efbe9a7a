import { abortable } from '../abortable.js';
import { LONGEST_TIMER_MS } from '../durations.js';

/** The outcome of a shared load. */
export type LoadOutcome =
  /** From the cache: valid for the caller that started the load, but maybe too old for callers that joined later. */
  | { readonly how: 'found'; readonly bytes: Buffer }
  /** From the loader: valid for all callers that had joined when the loader started. */
  | { readonly how: 'loaded'; readonly bytes: Buffer }
  /** The cache refused the request or was out of reach. A validation error concerns only the caller that started. */
  | { readonly how: 'refused'; readonly error: Error };

/** One caller of this process gets a value, and other callers of this process wait for it (single flight). */
export class SharedLoad {
  private readonly left = new AbortController();
  private readonly waitedEnough = new AbortController();
  private readonly outcome: Promise<LoadOutcome>;
  private callers = 0;
  private loadingSince: number | undefined;

  /** @param onEnd called when the load ended, or when no caller waits for it any longer */
  constructor(
    run: (load: SharedLoad) => Promise<LoadOutcome>,
    private readonly onEnd: () => void,
  ) {
    this.outcome = run(this).finally(onEnd);
    this.outcome.catch(() => {
      // Each waiting caller gets the error from `join`.
    });
  }

  /** Aborted when no caller waits any longer. */
  get abandoned(): AbortSignal {
    return this.left.signal;
  }

  /** Aborted when the `waitMs` of a caller is over while another process loads. */
  get impatient(): AbortSignal {
    return this.waitedEnough.signal;
  }

  /** The loader starts now. @param waited because the wait for another process was over */
  begin({ waited }: { waited: boolean }): void {
    this.loadingSince = performance.now();
    if (waited) this.waitedEnough.abort();
  }

  /** Whether the loader started after `time`, or will start: its value is not older than a call that started then. */
  isNewerThan(time: number): boolean {
    return this.loadingSince === undefined || this.loadingSince > time;
  }

  /**
   * @param startedAt when the caller's call began, of `performance.now()`
   * @param ms longest wait for a value that another caller loads
   * @returns null when the wait is over and the loader of another caller of this process is still running
   * @throws what `run` throws, or the reason of `signal`
   */
  async join(startedAt: number, ms: number, signal: AbortSignal): Promise<LoadOutcome | null> {
    this.callers += 1;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), Math.min(ms, LONGEST_TIMER_MS));
    });
    try {
      const outcome = await abortable(Promise.race([this.outcome, late]), signal);
      if (outcome !== null) return outcome;
      if (this.loadingSince === undefined) this.waitedEnough.abort();
      // All callers of this process that waited for another one share the load that the first of them begins.
      if (!this.isNewerThan(startedAt) || !this.waitedEnough.signal.aborted) return null;
      return await abortable(this.outcome, signal);
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

/** The shared loads of a client, by cache and key. */
export class SharedLoads {
  private readonly loads = new Map<string, SharedLoad>();

  /** Returns the load in progress, or starts a new one. */
  of(id: string, run: (load: SharedLoad) => Promise<LoadOutcome>): { load: SharedLoad; joined: boolean } {
    const known = this.loads.get(id);
    if (known !== undefined) return { load: known, joined: true };
    const load: SharedLoad = new SharedLoad(run, () => {
      if (this.loads.get(id) === load) this.loads.delete(id);
    });
    this.loads.set(id, load);
    return { load, joined: false };
  }
}
