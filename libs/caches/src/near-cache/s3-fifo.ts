/** Part of the capacity for entries that were not used twice yet. */
const SMALL_SHARE = 0.1;
const MAX_FREQUENCY = 3;

interface Node<V> {
  readonly key: string;
  value: V;
  size: number;
  frequency: number;
  queue: Queue<V>;
  previous: Node<V> | null;
  next: Node<V> | null;
}

/** A doubly linked list: a node leaves from any place in constant time. */
class Queue<V> {
  head: Node<V> | null = null;
  tail: Node<V> | null = null;
  bytes = 0;

  push(node: Node<V>): void {
    node.queue = this;
    node.previous = null;
    node.next = this.head;
    if (this.head !== null) this.head.previous = node;
    this.head = node;
    this.tail ??= node;
    this.bytes += node.size;
  }

  remove(node: Node<V>): void {
    if (node.previous === null) this.head = node.next;
    else node.previous.next = node.next;
    if (node.next === null) this.tail = node.previous;
    else node.next.previous = node.previous;
    this.bytes -= node.size;
  }
}

/**
 * S3-FIFO: a small queue filters out what is used once, a main queue keeps the rest, a ghost remembers what the
 * filter threw out too early. Every step is constant time, amortized; a hit moves nothing.
 *
 * Source: Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023.
 */
export class S3Fifo<V> {
  private readonly nodes = new Map<string, Node<V>>();
  private readonly small = new Queue<V>();
  private readonly main = new Queue<V>();
  /** Keys that left the small queue, oldest first; never more than there are entries. */
  private readonly ghost = new Set<string>();

  /**
   * @param capacity bytes, as `size` of {@link set} counts them
   * @param onEvict  called for each entry that had to go
   */
  constructor(
    private capacity: number,
    private readonly onEvict: (key: string, value: V) => void,
  ) {}

  get bytes(): number {
    return this.small.bytes + this.main.bytes;
  }

  get count(): number {
    return this.nodes.size;
  }

  /** Counts as a use. */
  get(key: string): V | undefined {
    const node = this.nodes.get(key);
    if (node === undefined) return undefined;
    if (node.frequency < MAX_FREQUENCY) node.frequency += 1;
    return node.value;
  }

  keys(): IterableIterator<string> {
    return this.nodes.keys();
  }

  *items(): Generator<readonly [string, V]> {
    for (const [key, { value }] of this.nodes) yield [key, value];
  }

  /**
   * Keeps a value, and lets others go until all fit.
   *
   * @returns false when the value is larger than the capacity: it is not kept
   */
  set(key: string, value: V, size: number): boolean {
    this.delete(key);
    if (size > this.capacity) return false;
    const queue = this.ghost.delete(key) ? this.main : this.small;
    const node: Node<V> = { key, value, size, frequency: 0, queue, previous: null, next: null };
    this.nodes.set(key, node);
    queue.push(node);
    this.shrink();
    return true;
  }

  /**
   * Counts more bytes of a value that is held, and lets others go until all fit.
   *
   * @returns false when they are too many, or the value is held no more: nothing is counted
   */
  grow(key: string, value: V, bytes: number): boolean {
    const node = this.nodes.get(key);
    if (node?.value !== value || node.size + bytes > this.capacity) return false;
    node.size += bytes;
    node.queue.bytes += bytes;
    this.shrink();
    return true;
  }

  delete(key: string): V | undefined {
    const node = this.nodes.get(key);
    if (node === undefined) return undefined;
    this.drop(node);
    return node.value;
  }

  clear(): void {
    this.nodes.clear();
    this.ghost.clear();
    for (const queue of [this.small, this.main]) {
      queue.head = null;
      queue.tail = null;
      queue.bytes = 0;
    }
  }

  resize(capacity: number): void {
    this.capacity = capacity;
    this.shrink();
  }

  private shrink(): void {
    while (this.bytes > this.capacity) {
      const fromSmall = this.small.bytes > this.capacity * SMALL_SHARE || this.main.tail === null;
      const node = fromSmall ? this.small.tail : this.main.tail;
      if (node === null) return;
      if (fromSmall) this.leaveSmall(node);
      else this.leaveMain(node);
    }
  }

  private leaveSmall(node: Node<V>): void {
    if (node.frequency > 1) {
      this.small.remove(node);
      node.frequency = 0;
      this.main.push(node);
      return;
    }
    this.drop(node);
    this.remember(node.key);
    this.onEvict(node.key, node.value);
  }

  private leaveMain(node: Node<V>): void {
    if (node.frequency > 0) {
      this.main.remove(node);
      node.frequency -= 1;
      this.main.push(node);
      return;
    }
    this.drop(node);
    this.onEvict(node.key, node.value);
  }

  private remember(key: string): void {
    this.ghost.add(key);
    for (const oldest of this.ghost) {
      if (this.ghost.size <= this.nodes.size) return;
      this.ghost.delete(oldest);
    }
  }

  private drop(node: Node<V>): void {
    node.queue.remove(node);
    this.nodes.delete(node.key);
  }
}
