/**
 * What is under way, by its id, and how much of it there is.
 *
 * In an object without a prototype, not in a map: what goes through a map keeps alive what came after it (see
 * `docs/decisions/garbage.md`).
 */
export class InFlight<T> {
  private readonly items: Record<string, T> = Object.create(null);
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(id: string | number): T | undefined {
    return this.items[id];
  }

  /** Adds an item, in place of another with the same id. */
  set(id: string | number, item: T): void {
    if (this.items[id] === undefined) this.count += 1;
    this.items[id] = item;
  }

  /** Returns what was there. */
  delete(id: string | number): T | undefined {
    const item = this.items[id];
    if (item === undefined) return undefined;
    delete this.items[id];
    this.count -= 1;
    return item;
  }

  /** A copy: items may come and go while it is walked through. Looks at all of them. */
  values(): T[] {
    return Object.values(this.items);
  }
}
