import { BODY } from './broker.js';

/** Tells which message was delivered: each body of 200 bytes begins with a number of its own. */
export class Deliveries {
  private count = 0;
  // An object: a map would keep what was delivered, and slow down what is measured (see node/in-flight).
  private readonly awaited: Record<number, () => void> = Object.create(null);

  /** A body to send, and when it is handled for the first time. */
  next(): { readonly body: string; readonly handled: Promise<void> } {
    const number = this.count++;
    const handled = new Promise<void>((resolve) => {
      this.awaited[number] = resolve;
    });
    return { body: `${number};${BODY}`.slice(0, BODY.length), handled };
  }

  /** To be called with each body that is delivered. */
  readonly handle = (body: string): void => {
    const number = Number.parseInt(body, 10);
    this.awaited[number]?.();
    delete this.awaited[number];
  };
}
