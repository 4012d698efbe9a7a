import type { DeletedEntries, Encoding, ReadEntries, StoredEntry, WrittenEntries } from '@syncline/contracts';
import { NotFoundError, toError } from '../../errors.js';
import { Collector } from '../../transport/collector.js';
import { runOrOneByOne } from '../../transport/one-by-one.js';
import type { Transport } from '../../transport/transport.js';
import type { Content, Read, SetOptions } from '../cache-port.js';
import { entryPath, fitsPath } from './entry-path.js';

/** Most keys or entries in one request, and most bytes: below the body limit of 1 MiB. */
const MAX_ITEMS = 1_000;
const MAX_BATCH_BYTES = 900_000;
/** Larger values are sent alone, as raw bytes. */
export const MAX_BATCHED_VALUE_BYTES = 65_536;

interface Write {
  readonly key: string;
  readonly text: string;
}

/** Reads, writes and deletes that are sent together: those of one turn of the event loop in one request. */
export class EntryBatches {
  // One collector for each node: a key always goes to the same node, so that only one node keeps it in memory.
  private readonly reads: readonly Collector<string, Read>[];
  private readonly writes: readonly Collector<Write, StoredEntry>[];
  private readonly deletes: readonly Collector<string, boolean>[];
  /** Size of the value that was read alone last: the next one probably has about the same. */
  private lastAlone = 0;

  /** @param path of the cache */
  constructor(
    private readonly transport: Transport,
    private readonly path: string,
  ) {
    const collectors = <Item, Result>(
      run: (items: readonly Item[], slot: number) => Promise<readonly (Result | Error)[]>,
    ) =>
      Array.from(
        { length: transport.slots },
        (_, slot) =>
          new Collector<Item, Result>({
            maxItems: MAX_ITEMS,
            maxBytes: MAX_BATCH_BYTES,
            inSequence: () => true,
            run: (items) => runOrOneByOne(items, (some) => run(some, slot)),
          }),
      );
    this.reads = collectors((keys, slot) => this.readAll(keys, slot));
    this.writes = collectors((writes, slot) => this.writeAll(writes, slot));
    this.deletes = collectors((keys, slot) => this.deleteAll(keys, slot));
  }

  read(key: string): Promise<Read> {
    return this.at(this.reads, key).add(key, keyBytes(key));
  }

  write(key: string, { bytes, contentType }: Content, life: SetOptions): Promise<StoredEntry> {
    const { ttlMs, staleMs, tags } = life;
    const rest = JSON.stringify({ key, contentType, ttlMs, staleMs, tags });
    const text = `${rest.slice(0, -1)},${wireValue(bytes)}}`;
    return this.at(this.writes, key).add({ key, text }, Buffer.byteLength(text) + 1);
  }

  delete(key: string): Promise<boolean> {
    return this.at(this.deletes, key).add(key, keyBytes(key));
  }

  private at<T>(collectors: readonly T[], key: string): T {
    if (typeof key !== 'string') throw new TypeError('The key of an entry must be a string');
    return collectors[this.transport.slotOf(key)] as T;
  }

  private async readAll(keys: readonly string[], slot: number): Promise<readonly (Read | Error)[]> {
    const [only = ''] = keys;
    if (keys.length > 1 || !fitsPath(only)) return this.readBatch(keys, slot);
    // A request of its own takes longer than a call on a stream, but a large value is better off as raw bytes.
    const byItself = this.lastAlone > MAX_BATCHED_VALUE_BYTES || !this.transport.prefersStream(slot);
    const read = byItself ? [await this.readOne(only)] : await this.readBatch(keys, slot);
    const [first] = read;
    if (!(first instanceof Error)) this.lastAlone = first?.bytes.length ?? 0;
    return read;
  }

  private async readBatch(keys: readonly string[], slot: number): Promise<(Read | Error)[]> {
    const read = new Map<unknown, Read | Error>();
    let remaining = [...new Set(keys)];
    // An answer may be truncated or have errors for some keys, but it resolves at least one key.
    while (remaining.length > 0) {
      const { entries, truncated = [] } = await this.post<ReadEntries>(
        'mget',
        { keys: remaining, as: 'utf8' },
        slot,
      );
      remaining = truncated;
      for (const entry of entries) {
        if (!('problem' in entry)) read.set(entry.key, entry.found ? readOf(entry) : null);
        else if (entry.status >= 500) remaining.push(entry.key as string);
        else read.set(entry.key, toError(entry.status, entry.problem));
      }
    }
    return keys.map((key) => read.get(key) ?? null);
  }

  private async readOne(key: string): Promise<Read> {
    const path = entryPath(this.path, key);
    try {
      const answer = await this.transport.call({ method: 'GET', path, idempotent: true, affinity: key });
      // The answer to a GET always has bytes, never parsed JSON.
      return { bytes: answer.body as Buffer, version: String(answer.headers.etag).slice(1, -1) };
    } catch (error) {
      if (error instanceof NotFoundError) return null;
      throw error;
    }
  }

  private async writeAll(writes: readonly Write[], slot: number): Promise<(StoredEntry | Error)[]> {
    const body = `{"entries":[${writes.map(({ text }) => text).join(',')}]}`;
    const { results } = await this.post<WrittenEntries>('mset', body, slot, false);
    return results.map((result) =>
      'problem' in result
        ? toError(result.status, result.problem)
        : { version: result.version, expiresAt: result.expiresAt },
    );
  }

  private async deleteAll(keys: readonly string[], slot: number): Promise<(boolean | Error)[]> {
    const { results } = await this.post<DeletedEntries>('mdelete', { keys }, slot);
    return results.map((result) =>
      'problem' in result ? toError(result.status, result.problem) : result.status === 'deleted',
    );
  }

  private post<T>(verb: string, body: object | string, slot: number, idempotent = true): Promise<T> {
    return this.transport.json({
      method: 'POST',
      path: `${this.path}/${verb}`,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      // A repeated delete costs a load, never a wrong value.
      idempotent,
      affinity: slot,
    });
  }
}

const keyBytes = (key: string) => Buffer.byteLength(key) + 3;

interface WireValue {
  readonly value?: unknown;
  readonly encoding?: Encoding | undefined;
}

/** The bytes of a value that was requested as `utf8`. */
export const bytesOf = ({ value, encoding }: WireValue): Buffer =>
  Buffer.from(String(value), encoding === 'base64' ? 'base64' : 'utf8');

const readOf = (entry: WireValue & { readonly version?: string | undefined }): Read => ({
  bytes: bytesOf(entry),
  version: String(entry.version),
});

const wireValue = (bytes: string | Uint8Array): string =>
  typeof bytes === 'string'
    ? `"encoding":"utf8","value":${JSON.stringify(bytes)}`
    : `"encoding":"base64","value":"${Buffer.from(bytes).toString('base64')}"`;
