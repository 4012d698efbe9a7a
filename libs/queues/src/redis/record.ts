import type { DeadLetter } from '@syncline/contracts';

/** What is kept of a message. The time of sending stands before it and is written by the script. */
export interface MessageContent {
  /** JSON text. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly groupId: string | null;
  readonly ttlMs: number | null;
  /** Only for a message that came from another queue. */
  readonly extra: Extra | null;
}

export interface Extra {
  /** The id that the message had in its first queue. */
  readonly id: string;
  readonly deadLetter: DeadLetter | null;
}

export interface StoredMessage extends MessageContent {
  /** Milliseconds since 1970. */
  readonly enqueuedAt: number;
}

const TIME_BYTES = 6;
const LENGTH_BYTES = 3;
const GROUP = 16;
const TTL = 32;
const EXTRA = 64;

/** Records without their time; the layout is described in scripts/parts/record.lua. One buffer, each behind its length of 3 bytes. */
export function encodeTails(contents: readonly MessageContent[]): Buffer {
  const parts = contents.map(toParts);
  const target = Buffer.allocUnsafe(parts.reduce((bytes, part) => bytes + LENGTH_BYTES + part.bytes, 0));
  let at = 0;
  for (const part of parts) {
    at = target.writeUIntBE(part.bytes, at, LENGTH_BYTES);
    at = writeTail(target, part, at);
  }
  return target;
}

/** What the records of so many tails take in Redis. */
export const bytesOfRecords = (tails: Buffer, count: number): number =>
  tails.length + (TIME_BYTES - LENGTH_BYTES) * count;

/** One of them, without its length. */
export function encodeTail(content: MessageContent): Buffer {
  const parts = toParts(content);
  const target = Buffer.allocUnsafe(parts.bytes);
  writeTail(target, parts, 0);
  return target;
}

/** What `encodeTail` wrote. */
export const decodeTail = (tail: Buffer): MessageContent =>
  decodeRecord(Buffer.concat([Buffer.alloc(TIME_BYTES), tail]));

/** How long the record of a message is, its time with it. */
export const recordBytes = (content: MessageContent): number => TIME_BYTES + toParts(content).bytes;

function toParts(content: MessageContent) {
  const { body, headers, priority, groupId, ttlMs, extra } = content;
  const headersText = isEmpty(headers) ? '' : JSON.stringify(headers);
  const extraText = extra === null ? null : JSON.stringify(extra);
  const bytes =
    1 +
    (ttlMs === null ? 0 : TIME_BYTES) +
    (groupId === null ? 0 : 2 + Buffer.byteLength(groupId)) +
    (extraText === null ? 0 : 3 + Buffer.byteLength(extraText)) +
    (3 + Buffer.byteLength(headersText)) +
    Buffer.byteLength(body);
  return { body, headersText, priority, groupId, ttlMs, extraText, bytes };
}

function writeTail(target: Buffer, parts: ReturnType<typeof toParts>, from: number): number {
  const { body, headersText, priority, groupId, ttlMs, extraText } = parts;
  const flags =
    priority | (groupId === null ? 0 : GROUP) | (ttlMs === null ? 0 : TTL) | (extraText === null ? 0 : EXTRA);
  let at = target.writeUInt8(flags, from);
  if (ttlMs !== null) at = target.writeUIntBE(ttlMs, at, TIME_BYTES);
  if (groupId !== null) at = writeText(target, groupId, at, 2);
  if (extraText !== null) at = writeText(target, extraText, at, 3);
  at = writeText(target, headersText, at, 3);
  return at + target.write(body, at);
}

export function decodeRecord(record: Buffer): StoredMessage {
  const enqueuedAt = record.readUIntBE(0, TIME_BYTES);
  const flags = record.readUInt8(TIME_BYTES);
  let at = TIME_BYTES + 1;
  const text = (lengthBytes: number): string => {
    const from = at + lengthBytes;
    at = from + record.readUIntBE(at, lengthBytes);
    return record.toString('utf8', from, at);
  };
  let ttlMs: number | null = null;
  if (flags & TTL) {
    ttlMs = record.readUIntBE(at, TIME_BYTES);
    at += TIME_BYTES;
  }
  const groupId = flags & GROUP ? text(2) : null;
  const extra = flags & EXTRA ? (JSON.parse(text(3)) as Extra) : null;
  const headersText = text(3);
  return {
    enqueuedAt,
    priority: flags & 15,
    ttlMs,
    groupId,
    extra,
    headers: headersText === '' ? {} : (JSON.parse(headersText) as Record<string, string>),
    body: record.toString('utf8', at),
  };
}

function isEmpty(object: object): boolean {
  for (const _key in object) return false;
  return true;
}

function writeText(target: Buffer, text: string, at: number, lengthBytes: number): number {
  const bytes = text === '' ? 0 : target.write(text, at + lengthBytes);
  target.writeUIntBE(bytes, at, lengthBytes);
  return at + lengthBytes + bytes;
}
