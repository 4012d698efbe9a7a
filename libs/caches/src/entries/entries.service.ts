import { Injectable } from '@nestjs/common';
import { EntryTooLarge, FillLeaseVoid, NotAnInteger, VersionMismatch } from './entries.errors.js';
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
  async put(cache: string, key: string, entry: Put, conditions: Conditions): Promise<Written> {
    const { bytes, contentType, ttlMs = '', staleMs = 0, tags = [] } = entry;
    const { ifMatch, ifNoneMatch, fillLease } = conditions;
    const [outcome = '', version = '', expiresAt = ''] = this.checked(
      await this.writer.write(cache, {
        register: `k${key}`,
        arguments: [
          'put',
          key,
          bytes,
          contentType,
          ttlMs,
          staleMs,
          tags.join(','),
          ifMatch,
          ifNoneMatch,
          fillLease,
        ],
      }),
    );
    return {
      created: outcome === 'created',
      version,
      expiresAt: expiresAt === '0' ? null : Number(expiresAt),
    };
  }

  /**
   * @returns true when there was an entry
   * @throws VersionMismatch when a condition is not met
   */
  async delete(
    cache: string,
    key: string,
    { ifMatch, ifNoneMatch }: Pick<Conditions, 'ifMatch' | 'ifNoneMatch'>,
  ): Promise<boolean> {
    const operation = { register: `k${key}`, arguments: ['delete', key, ifMatch, ifNoneMatch] };
    return this.checked(await this.writer.write(cache, operation))[0] === 'deleted';
  }

  /**
   * Adds to a counter; one that does not exist starts from 0 and gets the TTL.
   *
   * @param idempotencyKey the same key again adds nothing and answers the same, for a minute
   * @throws NotAnInteger
   */
  async increment(
    cache: string,
    key: string,
    by: number,
    ttlMs: number | undefined,
    idempotencyKey: string | undefined,
  ): Promise<{ value: number; version: string }> {
    const operation = { register: `k${key}`, arguments: ['increment', key, by, ttlMs ?? ''] };
    const [, version = '', value = ''] = this.checked(
      await this.writer.write(cache, operation, idempotencyKey),
    );
    return { value: Number(value), version };
  }

  /** @throws Problem when the write was refused */
  private checked(result: readonly string[]): readonly string[] {
    switch (result[0]) {
      case 'mismatch':
        throw new VersionMismatch();
      case 'lease-void':
        throw new FillLeaseVoid();
      case 'too-large':
        throw new EntryTooLarge(Number(result[1]));
      case 'not-an-integer':
        throw new NotAnInteger();
      default:
        return result;
    }
  }
}
