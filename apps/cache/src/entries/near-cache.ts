import { S3Fifo } from './s3-fifo.js';

/** Bytes that an entry takes beside its key and its value: objects, map slots, list links. Measured, rounded up. */
export const ENTRY_OVERHEAD_BYTES = 1_000;

/** Bytes that each tag of an entry takes. */
const TAG_OVERHEAD_BYTES = 50;

/** An entry in the memory of this node. Instants are of the node's monotonic clock, ms. */
export interface NearEntry {
  /** Null: there is no such entry, and that is what the near cache knows. */
  readonly value: { readonly version: string; readonly bytes: Buffer; readonly contentType: string } | null;
  readonly storedAt: number;
  readonly freshUntil: number;
  /** Not served from here after this, as fresh or stale. */
  readonly usableUntil: number;
  /** End of its life on Redis' clock, ms since 1970; null: none. */
  readonly expiresAt: number | null;
  /** Number of the fill that brought it. */
  readonly fill: number;
}

/** What ties the entries with a tag together: one invalidation of the tag marks them all. */
interface TagMark {
  readonly tag: string;
  entries: number;
  invalid: boolean;
}

interface Held extends NearEntry {
  readonly marks: readonly TagMark[];
}

/** The entries of one cache in the memory of this node, bounded by bytes. Knows nothing of leases. */
export class NearCache {
  private readonly marks = new Map<string, TagMark>();
  private readonly entries: S3Fifo<Held>;
  /** Keys that are held no more although nobody invalidated them, with the fill that had brought them. */
  private given: Map<string, number> = new Map();

  /** @param onEvict told of each entry that had to make room */
  constructor(capacity: number, onEvict: () => void) {
    this.entries = new S3Fifo<Held>(capacity, (key, held) => {
      onEvict();
      this.giveUp(key, held);
    });
  }

  get bytes(): number {
    return this.entries.bytes;
  }

  get count(): number {
    return this.entries.count;
  }

  resize(capacity: number): void {
    this.entries.resize(capacity);
  }

  get(key: string, now: number): NearEntry | undefined {
    const held = this.entries.get(key);
    if (held === undefined) return undefined;
    if (now < held.usableUntil && !held.marks.some((mark) => mark.invalid)) return held;
    this.entries.delete(key);
    this.giveUp(key, held);
    return undefined;
  }

  set(key: string, entry: NearEntry, tags: readonly string[]): void {
    this.drop(key);
    const marks = tags.map((tag) => this.markOf(tag));
    for (const mark of marks) mark.entries += 1;
    this.given.delete(key);
    const size =
      key.length * 2 +
      (entry.value?.bytes.length ?? 0) +
      ENTRY_OVERHEAD_BYTES +
      tags.length * TAG_OVERHEAD_BYTES;
    this.entries.set(key, { ...entry, value: ownCopy(entry.value), marks }, size);
  }

  drop(key: string): void {
    const held = this.entries.delete(key);
    if (held !== undefined) this.unmark(held);
  }

  /** Invalidates all entries with a tag, in constant time. */
  dropTag(tag: string): void {
    const mark = this.marks.get(tag);
    if (mark === undefined) return;
    mark.invalid = true;
    this.marks.delete(tag);
  }

  clear(): void {
    this.entries.clear();
    this.marks.clear();
    this.given.clear();
  }

  /** Takes at most `max` of the keys that were given up since, so that Redis may learn of them. */
  takeGivenUp(max: number): [string, number][] {
    const taken: [string, number][] = [];
    for (const pair of this.given) {
      if (taken.length === max) break;
      taken.push(pair);
    }
    for (const [key] of taken) this.given.delete(key);
    return taken;
  }

  private giveUp(key: string, held: Held): void {
    this.unmark(held);
    // A hint for Redis' memory, not for what is right: bounded by forgetting.
    if (this.given.size < 10_000) this.given.set(key, held.fill);
  }

  private markOf(tag: string): TagMark {
    let mark = this.marks.get(tag);
    if (mark === undefined) {
      mark = { tag, entries: 0, invalid: false };
      this.marks.set(tag, mark);
    }
    return mark;
  }

  private unmark(held: Held): void {
    for (const mark of held.marks) {
      mark.entries -= 1;
      if (mark.entries === 0 && !mark.invalid) this.marks.delete(mark.tag);
    }
  }
}

/** A reply's bytes are a view into all that arrived with them, which would stay in memory as long as they do. */
function ownCopy(value: NearEntry['value']): NearEntry['value'] {
  if (value === null) return null;
  const bytes = Buffer.allocUnsafeSlow(value.bytes.length);
  value.bytes.copy(bytes);
  return { ...value, bytes };
}
