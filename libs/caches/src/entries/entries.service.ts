import { Injectable } from '@nestjs/common';
import * as operations from '../redis/operations.js';
import type { Conditions, Found, Put, Written } from './entry.js';
import { Reader } from './reader.js';
import { Writer } from './writer.js';

/** Reads and writes entries. */
@Injectable()
export class EntriesService {
  constructor(
    private readonly reader: Reader,
    private readonly writer: Writer,
  ) {}

  /** @param fresh ask Redis whatever the near cache holds */
  get(cache: string, key: string, fresh: boolean): Promise<Found> {
    return fresh ? this.reader.fromStore(cache, key) : this.reader.read(cache, key);
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
