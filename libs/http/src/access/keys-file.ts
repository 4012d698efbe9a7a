import { readFileSync } from 'node:fs';
import { type ApiKeysFile, InvalidKeysFile, parseKeysFile } from '@syncline/contracts';

/** The content of the file of API keys. */
export interface KeysFile extends ApiKeysFile {
  readonly text: string;
}

/** @throws InvalidKeysFile */
export function readKeysFile(path: string): KeysFile {
  const text = textOf(path);
  return { text, ...parseKeysFile(text) };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidKeysFile(`it cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
