/** An entry in a reply of Redis. Durations are ms counted from the reply; null: without end. */
export interface EntryReply {
  readonly version: string;
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly ageMs: number;
  readonly freshMs: number | null;
  readonly usableMs: number | null;
  readonly expiresAt: number | null;
  readonly tags: readonly string[];
}

export interface ReadReply {
  /** False: the incarnation that asked is fenced. */
  readonly alive: boolean;
  /** The incarnation that asked is among the sharers now. */
  readonly cacheable: boolean;
  /** Configured bytes of a near cache of this cache. */
  readonly nearBytes: number;
  readonly entry: EntryReply | null;
  /** There is an entry of so many bytes, more than the reader takes; else null. */
  readonly leftOut: number | null;
}

const endless = (ms: number) => (ms === -1 ? null : ms);

export function decodeRead(reply: unknown): ReadReply {
  const [
    alive,
    cacheable,
    nearBytes,
    version,
    bytes,
    contentType,
    ageMs,
    freshMs,
    usableMs,
    expiresAt,
    tags,
  ] = reply as [
    number,
    number,
    number,
    Buffer,
    Buffer | number,
    Buffer,
    number,
    number,
    number,
    Buffer,
    Buffer,
  ];
  const entry =
    version.length === 0 || !Buffer.isBuffer(bytes)
      ? null
      : {
          version: String(version),
          bytes,
          contentType: String(contentType),
          ageMs,
          freshMs: endless(freshMs),
          usableMs: endless(usableMs),
          expiresAt: String(expiresAt) === '0' ? null : Number(expiresAt),
          tags: tags.length === 0 ? [] : String(tags).split(','),
        };
  const leftOut = typeof bytes === 'number' ? bytes : null;
  return { alive: alive === 1, cacheable: cacheable === 1, nearBytes, entry, leftOut };
}
