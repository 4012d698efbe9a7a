import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ApiKey, type ApiKeysFile, InvalidKeysFile, parseKeysFile } from '@syncline/contracts';

/** The content of the file of API keys. */
export interface KeysFile extends ApiKeysFile {
  readonly text: string;
}

/** @throws InvalidKeysFile */
export function readKeysFile(path: string): KeysFile {
  const text = textOf(path);
  const file = parseKeysFile(text);
  const digests = file.keys.flatMap(({ secrets }) => secrets.map(digestIn));
  if (new Set(digests).size < digests.length) {
    throw new InvalidKeysFile('keys: expected every secret once, as itself or by its hash');
  }
  return { text, ...file };
}

const HASH = 'sha256:';
export const digestOf = (secret: string): string => hash('sha256', secret, 'hex');

/** The digest of a secret, however the file has it. */
export const digestIn = ({ hash: known, secret = '' }: ApiKey['secrets'][number]): string =>
  known?.slice(HASH.length) ?? digestOf(secret);

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidKeysFile(`it cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
