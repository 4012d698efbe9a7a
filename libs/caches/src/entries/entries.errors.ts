import { Problem } from '@syncline/contracts';

/** There is no entry under the key, or its time is over, or it was invalidated. */
export class EntryNotFound extends Problem {
  constructor() {
    super('not-found', 'The cache has no entry under this key.');
  }
}

/** The entry has another version than the request allows. Nothing was changed. */
export class VersionMismatch extends Problem {
  constructor() {
    super('version-mismatch', 'The entry changed since, or does not exist: read it again.');
  }
}

/** The value is larger than the cache allows. */
export class EntryTooLarge extends Problem {
  constructor(limit: number) {
    super('payload-too-large', `The value is larger than the ${limit} bytes that this cache allows.`);
  }
}

/** The fill lease was made up, ran out, or was revoked by a write or an invalidation. Nothing was stored. */
export class FillLeaseVoid extends Problem {
  constructor() {
    super(
      'version-mismatch',
      'The fill lease is not in force: what was computed may be out of date. Fill again.',
    );
  }
}

/** The entry holds no integer, or the sum leaves the range of integers that JSON carries exactly. */
export class NotAnInteger extends Problem {
  constructor() {
    super(
      'not-an-integer',
      'The entry holds no integer between -(2^53 - 1) and 2^53 - 1, or would not after this.',
    );
  }
}

/** Another caller computes the value, and did not store it in time. */
export class FillWaitTimeout extends Problem {
  constructor() {
    super('wait-timeout', 'Another caller computes the value and has not stored it yet.');
  }
}

/** The caller that computed the value failed, and said why. */
export class FillFailed extends Problem {
  constructor(reason: string) {
    super('fill-failed', reason);
  }
}
