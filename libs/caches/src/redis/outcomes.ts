import {
  EntryNotFound,
  EntryTooLarge,
  FillLeaseVoid,
  NotAnInteger,
  VersionMismatch,
} from '../entries/entries.errors.js';

/**
 * What a script answers an operation with: a word for what happened, and what belongs to it.
 *
 * @returns the outcome itself, unless it is a refusal
 * @throws Problem
 */
export function checked(outcome: readonly string[]): readonly string[] {
  switch (outcome[0]) {
    case 'mismatch':
      throw new VersionMismatch();
    case 'lease-void':
      throw new FillLeaseVoid();
    case 'too-large':
      throw new EntryTooLarge(Number(outcome[1]));
    case 'not-an-integer':
      throw new NotAnInteger();
    case 'no-entry':
      throw new EntryNotFound();
    default:
      return outcome;
  }
}
