import { textOf } from './report.js';

/**
 * @param what the subject of the error
 * @throws {TypeError} it is not a JSON value
 */
export function jsonOf(value: unknown, what: string): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`${what} must be a JSON value, not ${textOf(value)}`);
  return text;
}
