import { BODY } from './broker.js';

/** Tells which message was delivered: each body of 200 bytes begins with a number of its own. */
export class Deliveries {
  private count = 0;
  private readonly awaited = new Map<number, () => void>();

  /** A body to send, and when it is handled for the first time. */
  next(): { readonly body: string; readonly handled: Promise<void> } {
    const number = this.count++;
    const handled = new Promise<void>((resolve) => this.awaited.set(number, resolve));
    return { body: `${number};${BODY}`.slice(0, BODY.length), handled };
  }

  /** To be called with each body that is delivered. */
  readonly handle = (body: string): void => {
    const number = Number.parseInt(body, 10);
    this.awaited.get(number)?.();
    this.awaited.delete(number);
  };
}
