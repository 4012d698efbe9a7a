/**
 * Lets callers who ask for the same thing before it is sent share one answer. It is sent when what runs now is done, so
 * it comes after each of them has asked: an answer is never older than its question.
 */
export class Boarding<T> {
  /** What is not sent yet, by id. An object, not a map: see `docs/decisions/garbage.md`. */
  private readonly open: Record<string, Promise<T>> = Object.create(null);

  /** @param send asks; called for the first caller only */
  join(id: string, send: () => Promise<T>): Promise<T> {
    const shared = this.open[id];
    if (shared !== undefined) return shared;
    const departure = new Promise<void>((resolve) => {
      process.nextTick(() => {
        delete this.open[id];
        resolve();
      });
    });
    const answer = departure.then(send);
    this.open[id] = answer;
    return answer;
  }
}
