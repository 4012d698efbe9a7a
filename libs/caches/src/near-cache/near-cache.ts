import type { Lease } from '../coherence/lease.js';
import { S3Fifo } from './s3-fifo.js';

/** Bytes that an entry takes beside its texts and its value: objects, map slots, list links. Measured, rounded up. */
export const ENTRY_OVERHEAD_BYTES = 1_000;

/** Bytes that each tag of an entry takes beside its text, when no other entry has it. */
const TAG_OVERHEAD_BYTES = 250;
/** A character of a text may take two bytes; the key of an entry that was evicted is remembered for a while as well. */
const KEY_BYTES = 4;
const TEXT_BYTES = 2;

/** An entry in the memory of this node. Instants are of the node's monotonic clock, ms. */
export interface NearEntry {
  readonly version: string;
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly storedAt: number;
  readonly freshUntil: number;
  /** Not served from here after this, as fresh or stale. */
  readonly usableUntil: number;
  /** End of its time on Redis' clock, ms since 1970; null: none. */
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

/** An entry that is held: the same object at each hit. */
export class HeldEntry implements NearEntry {
  readonly version: string;
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly storedAt: number;
  readonly freshUntil: number;
  readonly usableUntil: number;
  readonly expiresAt: number | null;
  readonly fill: number;
  /** What a reader made of the bytes. */
  attachment: unknown = undefined;

  constructor(
    entry: NearEntry,
    private readonly key: string,
    readonly marks: readonly TagMark[],
    readonly lease: Lease,
    private readonly home: S3Fifo<HeldEntry>,
  ) {
    this.version = entry.version;
    this.bytes = ownCopy(entry.bytes);
    this.contentType = entry.contentType;
    this.storedAt = entry.storedAt;
    this.freshUntil = entry.freshUntil;
    this.usableUntil = entry.usableUntil;
    this.expiresAt = entry.expiresAt;
    this.fill = entry.fill;
  }

  /**
   * Keeps what a reader made of the bytes, for as long as the entry is held.
   *
   * @param bytes that it takes: they count as those of the entry. It is not kept when there is no room for them
   */
  attach(attachment: unknown, bytes: number): void {
    if (this.home.grow(this.key, this, bytes)) this.attachment = attachment;
  }
}

/**
 * Called for each entry that leaves although nobody invalidated it: it had to make room, or its time is over.
 *
 * @param fill number of the fill that had brought it
 */
export type OnEvicted = (key: string, fill: number, why: 'room' | 'time') => void;

/** The entries of one cache in the memory of this node, bounded by bytes, each under the lease of its shard. */
export class NearCache {
  private readonly marks = new Map<string, TagMark>();
  private readonly entries: S3Fifo<HeldEntry>;
  usedAt = performance.now();
  /** The part of its capacity that the cache is configured to. */
  configured: number;
  /** No key begins with it. On a Redis Cluster each part of a cache tells of the same prefix, so only the first is looked for. */
  private without: string | null = null;

  constructor(
    capacity: number,
    private readonly onEvicted: OnEvicted,
  ) {
    this.configured = capacity;
    this.entries = new S3Fifo<HeldEntry>(capacity, (key, held) => this.evict(key, held, 'room'));
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

  /** What is held, though its lease may have to be renewed before it is served. */
  get(key: string, now: number): HeldEntry | undefined {
    this.usedAt = now;
    const held = this.entries.get(key);
    if (held === undefined) return undefined;
    if (now < held.usableUntil && !isInvalid(held)) return held;
    this.entries.delete(key);
    this.evict(key, held, 'time');
    return undefined;
  }

  set(key: string, entry: NearEntry, tags: readonly string[], lease: Lease): void {
    this.drop(key);
    if (this.without !== null && key.startsWith(this.without)) this.without = null;
    const marks = tags.map((tag) => this.markOf(tag));
    for (const mark of marks) mark.entries += 1;
    const text = ownText(key);
    const held = new HeldEntry(entry, text, marks, lease, this.entries);
    if (!this.entries.set(text, held, sizeOf(key, entry, tags))) this.unmark(marks);
  }

  drop(key: string): void {
    const held = this.entries.delete(key);
    if (held !== undefined) this.unmark(held.marks);
  }

  /** Invalidates all entries with a tag, in constant time. */
  dropTag(tag: string): void {
    const mark = this.marks.get(tag);
    if (mark === undefined) return;
    mark.invalid = true;
    this.marks.delete(tag);
  }

  /** Drops all entries whose key begins with a prefix. Looks at each key, unless none can begin so. */
  dropPrefix(prefix: string): void {
    if (this.without !== null && prefix.startsWith(this.without)) return;
    for (const key of this.entries.keys()) if (key.startsWith(prefix)) this.drop(key);
    this.without = prefix;
  }

  /** Drops all entries whose lease is over. Looks at each. */
  dropOver(): void {
    for (const [key, { lease }] of this.entries.items()) if (lease.isOver) this.drop(key);
  }

  clear(): void {
    this.entries.clear();
    this.marks.clear();
  }

  private evict(key: string, held: HeldEntry, why: 'room' | 'time'): void {
    this.unmark(held.marks);
    this.onEvicted(key, held.fill, why);
  }

  private markOf(tag: string): TagMark {
    let mark = this.marks.get(tag);
    if (mark === undefined) {
      mark = { tag, entries: 0, invalid: false };
      this.marks.set(tag, mark);
    }
    return mark;
  }

  private unmark(marks: readonly TagMark[]): void {
    for (const mark of marks) {
      mark.entries -= 1;
      if (mark.entries === 0 && !mark.invalid) this.marks.delete(mark.tag);
    }
  }
}

function isInvalid({ lease, marks }: HeldEntry): boolean {
  for (const mark of marks) if (mark.invalid) return true;
  return lease.isOver;
}

function sizeOf(key: string, { bytes, contentType }: NearEntry, tags: readonly string[]): number {
  let size = ENTRY_OVERHEAD_BYTES + KEY_BYTES * key.length + bytes.length + TEXT_BYTES * contentType.length;
  for (const tag of tags) size += TAG_OVERHEAD_BYTES + TEXT_BYTES * tag.length;
  return size;
}

/** A reply's bytes are a view into all that arrived with them, which would stay in memory as long as they do. */
function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** A part of a text may keep the whole of it, such as the address of a request, in memory. */
const ownText = (text: string): string => Buffer.from(text).toString();
