import { InFlight } from '@syncline/runtime';

/**
 * Lets callers who ask for the same thing before it is sent share one answer. It is sent when what runs now is done, so
 * it comes after each of them has asked: an answer is never older than its question.
 */
export class Coalescer<T> {
  private readonly unsent = new InFlight<Promise<T>>();

  /** @param send asks; called for the first caller only */
  join(id: string, send: () => Promise<T>): Promise<T> {
    const shared = this.unsent.get(id);
    if (shared !== undefined) return shared;
    const answer = new Promise<void>((resolve) => process.nextTick(resolve)).then(() => {
      this.unsent.delete(id);
      return send();
    });
    this.unsent.set(id, answer);
    return answer;
  }
}
