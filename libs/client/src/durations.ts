import { inspect } from 'node:util';
import { ValidationError } from './errors.js';

/** The longest delay of a Node timer: 24.8 days. A longer one would fire at once. */
export const LONGEST_TIMER_MS = 2_147_483_647;

export interface DurationBounds {
  /** Default 0. */
  readonly min?: number;
  /** Default {@link LONGEST_TIMER_MS}. */
  readonly max?: number;
  /** What `Infinity` means, as in `to wait for ever`. Default: `Infinity` is refused. */
  readonly forever?: string;
}

/**
 * Checks a duration option. Returns whole milliseconds, or `Infinity` where the option allows it.
 *
 * @param option its name, for the error
 * @throws {ValidationError} the value is not a valid duration; nothing was sent
 */
export function duration(option: string, value: unknown, bounds: DurationBounds = {}): number {
  const { min = 0, max = LONGEST_TIMER_MS, forever } = bounds;
  if (typeof value === 'number') {
    if (forever !== undefined && value === Number.POSITIVE_INFINITY) return value;
    const whole = Math.round(value);
    if (whole >= min && whole <= max) return whole;
  }
  const range = `${min.toLocaleString('en')} to ${max.toLocaleString('en')}`;
  const orForever = forever === undefined ? '' : `, or Infinity ${forever}`;
  throw ValidationError.local(
    option,
    `expected milliseconds, ${range}${orForever}, not ${inspect(value, { depth: 0 })}`,
  );
}
