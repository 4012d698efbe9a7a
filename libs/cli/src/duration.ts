import { InvalidArgumentError } from 'commander';
import ms from 'ms';

/** Milliseconds of a duration such as `250ms`, `30s` or `5m`. The unit is required, because tools disagree on `30`. */
export function duration(text: string): number {
  const value = /^(0|\d+(\.\d+)? ?[a-z]+)$/i.test(text) ? ms(text as ms.StringValue) : Number.NaN;
  if (!Number.isFinite(value)) {
    throw new InvalidArgumentError('Expected a number with a unit, such as 250ms, 30s or 5m.');
  }
  return Math.round(value);
}

/** A duration as text: `950ms`, `30s`. */
export const inWords = (durationMs: number): string => ms(durationMs);

/** A duration, or `forever`: Infinity. */
export const durationOrForever = (text: string): number =>
  text === 'forever' ? Number.POSITIVE_INFINITY : duration(text);
