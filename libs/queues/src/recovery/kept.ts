/** A message whose send was answered, as this node holds it. Times are ms. */
export interface HeldMessage {
  readonly seq: number;
  readonly ageMs: number;
  /** Until it may be received. */
  readonly delayMs: number;
  /** Empty: none. */
  readonly deduplication: string;
  /** Its record without the time. */
  readonly tail: Buffer;
}

/** How much one node knows of a queue: of one generation, the newest that it saw. */
export interface Outline {
  readonly gen: string;
  /** All seqs that it saw are below. */
  readonly seen: number;
  /** Of the messages below, none that it sent is held any more. */
  readonly unheld: number;
  /** How many messages are gone. */
  readonly gone: number;
}

/** All that it knows. */
export interface Knowledge extends Outline {
  /** Messages that ended lately. */
  readonly ended: readonly number[];
  readonly held: readonly HeldMessage[];
}
