import { Problem } from '@syncline/contracts';

/** There is no entry under the key, or its life is over, or it was invalidated. */
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
