import { InvalidArgumentError } from 'commander';

/** A whole number in an argument. @throws {InvalidArgumentError} */
export function integer(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}
