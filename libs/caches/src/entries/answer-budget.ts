import type { Encoding } from '@syncline/contracts';
import { MAX_VALUE_BYTES } from './batch-reader.js';

/** Most bytes that one byte of a value takes in JSON. */
const LONGEST_ESCAPE = 6;

/** Counts what the values of an answer take of it. */
export class AnswerBudget {
  private left = MAX_VALUE_BYTES;
  private taken = 0;

  /**
   * Takes a value into the answer if it fits; the first one always does.
   *
   * @param size of the value, in bytes
   */
  takes(size: number, { value, encoding }: { value: unknown; encoding: Encoding }): boolean {
    // Only what might not fit is measured.
    const most = size * LONGEST_ESCAPE;
    const length =
      encoding === 'base64'
        ? String(value).length
        : most <= this.left / 1_000
          ? most
          : Buffer.byteLength(JSON.stringify(value));
    if (this.taken > 0 && length > this.left) return false;
    this.taken += 1;
    this.left -= length;
    return true;
  }
}
