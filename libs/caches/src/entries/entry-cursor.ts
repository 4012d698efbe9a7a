import { ValidationFailed } from '@syncline/contracts';
import type { ListedUpTo } from '../redis/scripts/entry.commands.js';

const CURSOR = /^(\d{1,20})(?:\.([\w-]+))?$/;

/** The cursor of a listing: opaque to callers, fit for a query. */
export const toCursor = ({ step, after }: ListedUpTo): string =>
  after === '' ? step : `${step}.${Buffer.from(after).toString('base64url')}`;

/** @throws ValidationFailed */
export function fromCursor(cursor: string): ListedUpTo {
  const [, step, after = ''] = CURSOR.exec(cursor) ?? [];
  if (step === undefined || BigInt(step) >= 2n ** 64n) {
    throw new ValidationFailed([{ path: 'cursor', message: 'expected the cursor of a page' }]);
  }
  return { step, after: Buffer.from(after, 'base64url').toString() };
}
