import { ValidationFailed } from '@syncline/contracts';

/** Where a page begins of a listing by listing.lua: at a step of Redis' hash table, after a member of that. */
export interface PageStart {
  readonly step: string;
  readonly after: string;
}

export const FIRST_PAGE: PageStart = { step: '0', after: '' };

/** What a script says of the next page. Null: there is none. */
export const nextPage = (step: string, after: string): PageStart | null =>
  step === '' ? null : { step, after };

/** The cursor of a page: opaque to callers, fit for a query. */
export const toCursor = ({ step, after }: PageStart): string =>
  after === '' ? step : `${step}.${Buffer.from(after).toString('base64url')}`;

const CURSOR = /^(\d{1,20})(?:\.([\w-]+))?$/;

/** @throws ValidationFailed */
export function fromCursor(cursor: string): PageStart {
  const [, step, after = ''] = CURSOR.exec(cursor) ?? [];
  if (step === undefined || BigInt(step) >= 2n ** 64n) {
    throw new ValidationFailed([{ path: 'cursor', message: 'expected the cursor of a page' }]);
  }
  return { step, after: Buffer.from(after, 'base64url').toString() };
}
