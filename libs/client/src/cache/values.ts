import type { CachePort, NearRead } from './cache-port.js';
import type { Codec } from './codec.js';
import { freezePlain } from './plain-value.js';

/** A value with its version. */
export interface CacheEntry<Value> {
  readonly value: Value;
  readonly version: string;
}

/** What an entry in the memory of this process was decoded to. */
class Decoded {
  constructor(
    readonly codec: unknown,
    readonly value: unknown,
    /** Otherwise each caller gets a value of its own. */
    readonly isShared: boolean,
  ) {}
}

/** The values of one cache. Those of an engine in this process are frozen, so that callers can share them. */
export class Values<Value> {
  constructor(
    private readonly port: CachePort,
    private readonly codec: Codec<Value>,
  ) {}

  /** The entry, or null. */
  async read(key: string): Promise<CacheEntry<Value> | null> {
    const near = this.port.peek(key);
    if (near === null) return null;
    if (near !== undefined) return { value: this.ofNear(near), version: near.version };
    const read = await this.port.read(key);
    return read === null ? null : { value: this.of(read.bytes), version: read.version };
  }

  /** The value of bytes that nobody else has. */
  of(bytes: Buffer): Value {
    const value = this.codec.decode(bytes);
    if (this.port.inProcess) freezePlain(value);
    return value;
  }

  /** The value of an entry in memory: decoded once, if it can be shared. */
  ofNear(near: NearRead): Value {
    const { attachment } = near;
    if (!(attachment instanceof Decoded) || attachment.codec !== this.codec) return this.decode(near);
    return attachment.isShared ? (attachment.value as Value) : this.ownOf(near);
  }

  private decode(near: NearRead): Value {
    const value = this.ownOf(near);
    const bytes = freezePlain(value);
    const isShared = bytes !== null;
    // When a program reads an entry by several codecs, the first one has the place.
    if (near.attachment === undefined) {
      near.attach(new Decoded(this.codec, isShared ? value : undefined, isShared), bytes ?? 0);
    }
    return value;
  }

  /** A codec may return a view of the bytes. */
  private ownOf(near: NearRead): Value {
    return this.codec.decode(Buffer.from(near.bytes));
  }
}
