import { Injectable } from '@nestjs/common';
import { MAX_ENTRY_BYTES, Problem } from '@syncline/contracts';
import type { Found } from './entry.js';
import { Reader } from './reader.js';

/** What values may take of an answer of 8 MiB: keys, which came in a body of 1 MiB, and problems have the rest. */
export const MAX_VALUE_BYTES = 6_500_000;
/** So many of the largest values may be read at once. */
const MAX_READ_BLINDLY = Math.floor(MAX_VALUE_BYTES / MAX_ENTRY_BYTES);

/** Reads many entries for one answer: no more of them than the answer holds, in one round trip unless some are large. */
@Injectable()
export class BatchReader {
  constructor(private readonly reader: Reader) {}

  /** @returns what was found under each key, or why it cannot be told; nothing of keys that the answer cannot hold */
  async read(cache: string, keys: readonly string[]): Promise<ReadonlyMap<string, Found | Problem>> {
    const found = new Map<string, Found | Problem>();
    const most = keys.length > MAX_READ_BLINDLY ? Math.floor(MAX_VALUE_BYTES / keys.length) : undefined;
    let bytes = 0;
    const large: { key: string; size: number }[] = [];
    await Promise.all(
      keys.map(async (key) => {
        const one = await settled(this.reader.read(cache, key, most));
        if (!(one instanceof Problem)) {
          if (one.leftOut !== undefined) {
            large.push({ key, size: one.leftOut });
            return;
          }
          bytes += one.entry?.bytes.length ?? 0;
        }
        found.set(key, one);
      }),
    );
    const fitting = large.filter(({ size }) => {
      if (bytes + size > MAX_VALUE_BYTES) return false;
      bytes += size;
      return true;
    });
    await Promise.all(
      fitting.map(async ({ key }) => found.set(key, await settled(this.reader.read(cache, key)))),
    );
    return found;
  }
}

/** A refusal is a result too. */
async function settled(reading: Promise<Found>): Promise<Found | Problem> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}
