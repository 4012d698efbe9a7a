import { ValidationError } from '../../errors.js';

const MAX_KEY_LENGTH = 1_024;

/** Whether a key can be part of a path. URL normalisation removes . and .. from paths. */
export const fitsPath = (key: string): boolean =>
  key !== '' && key !== '.' && key !== '..' && key.length <= MAX_KEY_LENGTH && !/\p{Cs}/u.test(key);

/**
 * @param cache path of it
 * @throws {ValidationError} the key cannot stand in a path
 */
export function entryPath(cache: string, key: string): string {
  if (!fitsPath(key)) {
    throw ValidationError.local(
      'key',
      'expected 1 to 1,024 bytes of well-formed text, other than . and .. in this call',
    );
  }
  return `${cache}/entries/${encodeURIComponent(key)}`;
}
