import { readFileSync } from 'node:fs';
import { type ApiKey, InvalidKeysFile, parseKeysFile } from '@syncline/contracts';

/** The content of the file of API keys. */
export interface KeysFile {
  readonly text: string;
  readonly keys: readonly ApiKey[];
}

/** @throws InvalidKeysFile */
export function readKeysFile(path: string): KeysFile {
  const text = textOf(path);
  return { text, keys: parseKeysFile(text) };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidKeysFile(`it cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
