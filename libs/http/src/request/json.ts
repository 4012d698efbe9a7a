import { isUtf8 } from 'node:buffer';
import { MAX_NESTING, ValidationFailed } from '@syncline/contracts';

/**
 * Most objects, arrays and named members in one body. A body of the largest size can have several times as many, and
 * would take half a second to parse.
 */
export const MAX_MEMBERS = 100_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * Parses JSON from a client and keeps every key.
 *
 * @throws ValidationFailed when it is not JSON, or, before parsing, when it is too deep or has too many parts
 */
export function readJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw refused('expected JSON in UTF-8');
  checkParts(bytes);
  const text = bytes.toString();
  try {
    return JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
  } catch (error) {
    throw refused(`not valid JSON: ${(error as SyntaxError).message}`);
  }
}

/** Counts the parts of a JSON text, even of an invalid one. */
function checkParts(bytes: Buffer): void {
  let members = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === COLON) members += 1;
    else if (OPENING.has(byte)) {
      members += 1;
      depth += 1;
      if (depth > DEEPEST) throw refused(`expected at most ${MAX_NESTING} levels of nesting`);
    } else if (CLOSING.has(byte)) depth -= 1;
    if (members > MAX_MEMBERS) {
      throw refused(`expected at most ${MAX_MEMBERS} objects, arrays and members; split the call`);
    }
  }
}

/** A value may be {@link MAX_NESTING} levels deep, inside a body with some levels of its own. */
const DEEPEST = MAX_NESTING + 16;

function endOfString(bytes: Buffer, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

const refused = (message: string) => new ValidationFailed([{ path: 'body', message }]);
