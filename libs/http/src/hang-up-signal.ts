import { HungUp } from './hung-up.js';

/** What handlers see of a caller who may go away. An `AbortSignal` is one. */
export type HangUpSignal = Pick<
  AbortSignal,
  'aborted' | 'reason' | 'throwIfAborted' | 'addEventListener' | 'removeEventListener'
>;

/** Made for each request that may wait, so it is no `AbortSignal`: one of those costs more than the rest of a call. */
export class Caller extends EventTarget implements HangUpSignal {
  private why: HungUp | undefined;

  get aborted(): boolean {
    return this.why !== undefined;
  }

  get reason(): HungUp | undefined {
    return this.why;
  }

  throwIfAborted(): void {
    if (this.why !== undefined) throw this.why;
  }

  hangUp(): void {
    if (this.why !== undefined) return;
    this.why = new HungUp();
    this.dispatchEvent(new Event('abort'));
  }
}
