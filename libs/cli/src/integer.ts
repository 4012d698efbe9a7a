import { InvalidArgumentError } from 'commander';

/** A whole number in an argument. @throws {InvalidArgumentError} */
export const integer = (text: string): number => integerOf(text, /^\d+$/);

/** A whole number that may be negative. @throws {InvalidArgumentError} */
export const signedInteger = (text: string): number => integerOf(text, /^-?\d+$/);

function integerOf(text: string, form: RegExp): number {
  const number = Number(text);
  if (!form.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  if (!Number.isSafeInteger(number)) throw new InvalidArgumentError('Expected at most 2^53 - 1.');
  return number;
}
