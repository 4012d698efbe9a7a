const SLOTS = 256;
const SLOT_BYTES = 128;
/** A receipt has 81 bytes at most. */
const MAX_RECEIPT_BYTES = 96;

/** What the numbers of a slot mean: the first four as integers, the next two, at 16 and 24 bytes, as floats. */
const WORKER = 0;
const USE = 1;
const KEPT_USE = 2;
const LENGTH = 3;
const SEEN_AT = 2;
const KEPT_AT = 3;
const RECEIPT = SLOT_BYTES - MAX_RECEIPT_BYTES;

/** Milliseconds of the monotonic clock that all threads of the process share. */
export function sharedNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** A message in work, as the thread reads it. */
export interface HeldMessage {
  readonly slot: number;
  /** Which use of the slot this is. */
  readonly use: number;
  readonly worker: number;
  readonly receipt: string;
  /** Since when nobody has extended it: the event loop or the thread. */
  readonly silentSince: number;
  /** Since when the event loop has not. */
  readonly seenAt: number;
}

/**
 * Messages in work, in memory that the event loop and the thread share: nothing is sent between them for a message. A slot
 * may be given to another message while the thread reads it. Then the receipt is read wrongly at worst, and a receipt is
 * signed: what fits no delivery extends none.
 */
export class Slots {
  static readonly count = SLOTS;
  private readonly integers: Int32Array;
  private readonly floats: Float64Array;
  private readonly bytes: Buffer;

  constructor(readonly memory = new SharedArrayBuffer(SLOTS * SLOT_BYTES)) {
    this.integers = new Int32Array(memory);
    this.floats = new Float64Array(memory);
    this.bytes = Buffer.from(memory);
  }

  /** Called by the event loop. Returns false for a receipt that is too long. */
  take(slot: number, worker: number, receipt: string, seenAt: number): boolean {
    if (receipt.length > MAX_RECEIPT_BYTES) return false;
    const integer = slot * (SLOT_BYTES / 4);
    Atomics.add(this.integers, integer + USE, 1);
    this.bytes.write(receipt, slot * SLOT_BYTES + RECEIPT, 'latin1');
    this.integers[integer + LENGTH] = receipt.length;
    this.floats[slot * (SLOT_BYTES / 8) + SEEN_AT] = seenAt;
    Atomics.store(this.integers, integer + WORKER, worker);
    return true;
  }

  /** Called by the event loop: it extended the message. */
  see(slot: number, seenAt: number): void {
    this.floats[slot * (SLOT_BYTES / 8) + SEEN_AT] = seenAt;
  }

  /** Called by the event loop. */
  free(slot: number): void {
    Atomics.store(this.integers, slot * (SLOT_BYTES / 4) + WORKER, 0);
  }

  /** When the thread last extended the message that has the slot; -Infinity when it has not. */
  keptAt(slot: number): number {
    const integer = slot * (SLOT_BYTES / 4);
    const isThis =
      Atomics.load(this.integers, integer + KEPT_USE) === Atomics.load(this.integers, integer + USE);
    return isThis ? (this.floats[slot * (SLOT_BYTES / 8) + KEPT_AT] as number) : Number.NEGATIVE_INFINITY;
  }

  /** Called by the thread. Undefined: the slot is free. */
  read(slot: number): HeldMessage | undefined {
    const integer = slot * (SLOT_BYTES / 4);
    const worker = Atomics.load(this.integers, integer + WORKER);
    if (worker === 0) return undefined;
    const use = Atomics.load(this.integers, integer + USE);
    const seenAt = this.floats[slot * (SLOT_BYTES / 8) + SEEN_AT] as number;
    const from = slot * SLOT_BYTES + RECEIPT;
    const receipt = this.bytes.toString('latin1', from, from + (this.integers[integer + LENGTH] as number));
    return { slot, use, worker, receipt, seenAt, silentSince: Math.max(seenAt, this.keptAt(slot)) };
  }

  /** Called by the thread: it extended the message. */
  keep({ slot, use }: HeldMessage, keptAt: number): void {
    this.floats[slot * (SLOT_BYTES / 8) + KEPT_AT] = keptAt;
    Atomics.store(this.integers, slot * (SLOT_BYTES / 4) + KEPT_USE, use);
  }
}
