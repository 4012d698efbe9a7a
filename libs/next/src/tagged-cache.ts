import { type Cache, type Codec, type Syncline, text } from '@syncline/client';
import { ENTRY_CODEC } from './entry-codec.js';
import { CLOCK, keyOf } from './keys.js';

/** Longest life of anything: what is gone is rendered again. Bounds what former deployments leave behind. */
const WEEK_MS = 604_800_000;

/** A point in the order of all revalidations: what begins after a revalidation was answered has a later one. */
export type Moment = bigint;

interface Stored {
  readonly value: unknown;
  readonly tags: readonly string[];
  readonly begun: Moment;
}

/** What a value depends on. */
interface Life {
  readonly tags: readonly string[];
  /** When its computation began. */
  readonly begun: Moment;
  /** In seconds. */
  readonly expire?: number | undefined;
}

/**
 * Entries that are valid while none of their tags was revalidated since their computation began. Tags that only the reader
 * knows count as well.
 *
 * The version of one entry, the clock, orders the revalidations. Each tag has a mark, the moment since which it has not been
 * revalidated; a mark that is absent is made anew, with the present moment. So whatever is lost, evicted or expired, an entry
 * may be taken for old but never for new. All reads are those of a strictly coherent cache.
 */
export class TaggedCache {
  private readonly entries: Cache<Stored | undefined>;
  private readonly marks: Cache<string>;

  constructor(
    private readonly syncline: Syncline,
    name: string,
  ) {
    this.entries = syncline.cache(name, { codec: ENTRY_CODEC as Codec<Stored | undefined> });
    // A mark that could not be kept is made again.
    this.marks = syncline.cache(name, { codec: text, onError: () => undefined });
  }

  async now(): Promise<Moment> {
    const clock = await this.marks.getEntry(CLOCK);
    return clock === undefined ? this.advance() : BigInt(clock.version);
  }

  /** @param tags of the reader */
  async read<Value>(key: string, tags: readonly string[]): Promise<Value | undefined> {
    const [stored, newest] = await Promise.all([this.entries.get(key), this.newestOf(tags)]);
    if (stored === undefined || newest > stored.begun) return undefined;
    return (await this.newestOf(stored.tags)) > stored.begun ? undefined : (stored.value as Value);
  }

  async write(key: string, value: unknown, { tags, begun, expire = Infinity }: Life): Promise<void> {
    // Marks made later might be later than this entry.
    if ((await this.newestOf(tags)) > begun) return;
    const ttlMs = Math.max(1, Math.min(Math.ceil(expire * 1_000), WEEK_MS));
    await this.entries.set(key, { value, tags, begun }, { ttlMs });
  }

  /** Once this is answered, no read anywhere returns what began before and has one of the tags. */
  async revalidate(tags: readonly string[]): Promise<void> {
    await this.advance();
    await Promise.all(tags.map((tag) => this.marks.delete(keyOf('tag', tag))));
  }

  close(): Promise<void> {
    return this.syncline.close();
  }

  /** Versions of an entry only rise, also after Redis lost it. */
  private async advance(): Promise<Moment> {
    const { version } = await this.marks.set(CLOCK, '', { ttlMs: WEEK_MS });
    return BigInt(version);
  }

  /** The latest mark of some tags. */
  private async newestOf(tags: readonly string[]): Promise<Moment> {
    const marks = await Promise.all(tags.map((tag) => this.markOf(tag)));
    return marks.map(BigInt).reduce((latest, mark) => (mark > latest ? mark : latest), 0n);
  }

  /** A deletion voids the right to store a moment that was read before it. */
  private markOf(tag: string): Promise<string> {
    const present = async () => String(await this.now());
    return this.marks.getOrSet(keyOf('tag', tag), present, { ttlMs: WEEK_MS });
  }
}
