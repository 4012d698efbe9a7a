import type { Durability } from '@syncline/contracts';
import { StoreUnavailable } from '../store-unavailable.js';

/** The levels beyond what the primary has in memory. */
export type SafeLevel = Exclude<Durability, 'local'>;

const DETAILS: Record<SafeLevel, string> = {
  fsync: 'Redis did not confirm in time that this is on its disk.',
  replicated: 'No replica of Redis confirmed in time that it has this.',
};

/** The primary has a change, but not as safe as it was asked for: its outcome is unknown until it is repeated. */
export class NotDurable extends StoreUnavailable {
  constructor(level: SafeLevel, detail = DETAILS[level], options?: ErrorOptions) {
    super(detail, options);
  }
}
