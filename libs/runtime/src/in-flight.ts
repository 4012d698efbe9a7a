/**
 * Items in flight, by id, with a count.
 *
 * Stored in an object without a prototype, because a busy map keeps dead entries alive: see `docs/decisions/garbage.md`.
 */
export class InFlight<T> {
  private readonly items: Record<string, T> = Object.create(null);
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(id: string | number): T | undefined {
    // Where nothing is, V8 need not make a property name of the id.
    return this.count === 0 ? undefined : this.items[id];
  }

  /** Adds an item, or replaces the item with the same id. */
  set(id: string | number, item: T): void {
    if (this.items[id] === undefined) this.count += 1;
    this.items[id] = item;
  }

  /** Removes an item and returns it. */
  delete(id: string | number): T | undefined {
    const item = this.get(id);
    if (item === undefined) return undefined;
    delete this.items[id];
    this.count -= 1;
    return item;
  }

  /** A copy of all items, in O(n): items may be added and removed while the caller iterates. */
  values(): T[] {
    return Object.values(this.items);
  }
}
