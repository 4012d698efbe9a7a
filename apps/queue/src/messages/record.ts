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
const GROUP = 16;
const TTL = 32;
const EXTRA = 64;

/** The layout is described in scripts/state.lua. */
export function encodeTail(content: MessageContent): Buffer {
  const { body, headers, priority, groupId, ttlMs, extra } = content;
  const flags =
    priority | (groupId === null ? 0 : GROUP) | (ttlMs === null ? 0 : TTL) | (extra === null ? 0 : EXTRA);
  const group = Buffer.from(groupId ?? '');
  const extraText = Buffer.from(extra === null ? '' : JSON.stringify(extra));
  const headersText = Buffer.from(isEmpty(headers) ? '' : JSON.stringify(headers));
  const optional =
    (groupId === null ? 0 : 2 + group.length) +
    (ttlMs === null ? 0 : TIME_BYTES) +
    (extra === null ? 0 : 3 + extraText.length);
  const tail = Buffer.allocUnsafe(1 + optional + 3 + headersText.length + Buffer.byteLength(body));
  let at = tail.writeUInt8(flags, 0);
  if (ttlMs !== null) at = tail.writeUIntBE(ttlMs, at, TIME_BYTES);
  if (groupId !== null) at = writeText(tail, group, at, 2);
  if (extra !== null) at = writeText(tail, extraText, at, 3);
  at = writeText(tail, headersText, at, 3);
  tail.write(body, at);
  return tail;
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

function writeText(target: Buffer, text: Buffer, at: number, lengthBytes: number): number {
  const from = target.writeUIntBE(text.length, at, lengthBytes);
  return from + text.copy(target, from);
}
