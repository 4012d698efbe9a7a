import { Injectable } from '@nestjs/common';
import type { HeldEntry } from '../near-cache/near-cache.js';
import * as operations from '../redis/operations.js';
import type { Conditions, Found, Life, ListedEntry, Put, Written } from './entry.js';
import { EntryList } from './entry-list.js';
import { Reader } from './reader.js';
import { Writer } from './writer.js';

/** Reads and writes entries. */
@Injectable()
export class EntriesService {
  constructor(
    private readonly reader: Reader,
    private readonly writer: Writer,
    private readonly entries: EntryList,
  ) {}

  /**
   * What the near cache may answer with at this moment, the same object at each hit: null when there is no entry, undefined
   * when only Redis can tell.
   */
  peek(cache: string, key: string): HeldEntry | null | undefined {
    return this.reader.peek(cache, key);
  }

  /** @param fresh ask Redis whatever the near cache holds */
  get(cache: string, key: string, fresh: boolean): Promise<Found> {
    return fresh ? this.reader.fromStore(cache, key) : this.reader.read(cache, key);
  }

  /** A page of its entries, see {@link EntryList.page}. */
  list(
    cache: string,
    prefix: string,
    cursor: string | undefined,
    limit: number,
  ): Promise<{ entries: ListedEntry[]; cursor: string | null }> {
    return this.entries.page(cache, prefix, cursor, limit);
  }

  /**
   * @throws VersionMismatch when a condition is not met
   * @throws FillLeaseVoid
   * @throws EntryTooLarge
   */
  put(cache: string, key: string, entry: Put, conditions: Conditions): Promise<Written> {
    return this.writer.write(cache, operations.put(key, entry, conditions));
  }

  /**
   * @returns true when there was an entry
   * @throws VersionMismatch when a condition is not met
   */
  delete(
    cache: string,
    key: string,
    conditions: Pick<Conditions, 'ifMatch' | 'ifNoneMatch'>,
  ): Promise<boolean> {
    return this.writer.write(cache, operations.remove(key, conditions));
  }

  /**
   * Gives an entry another TTL, from now on: its bytes, version and age stay, and so does how long it is served as stale.
   *
   * @throws EntryNotFound
   */
  touch(cache: string, key: string, ttlMs: number): Promise<Life> {
    return this.writer.write(cache, operations.touch(key, ttlMs));
  }

  /**
   * Adds to a counter; one that does not exist starts from 0 and gets the TTL.
   *
   * @param idempotencyKey the same key again adds nothing and answers the same, for a minute
   * @throws NotAnInteger
   */
  increment(
    cache: string,
    key: string,
    by: number,
    ttlMs: number | undefined,
    idempotencyKey: string | undefined,
  ): Promise<{ value: number; version: string }> {
    return this.writer.write(cache, operations.increment(key, by, ttlMs), idempotencyKey);
  }
}
