import { checked } from '../outcomes.js';
import { library, type OfPart, ofEntry, ofPart } from './library.js';
import { decodeRead, type ReadReply } from './read-reply.js';
import { argumentsOf, type ReaderState } from './reader-state.js';

/** Who may compute a missing value: `lease`, the caller; `held`, another caller; `hit`, nobody needs to. */
export interface FillLeaseReply {
  readonly state: 'hit' | 'lease' | 'held';
  /** Until the lease in force ends. */
  readonly leftMs: number;
  /** Of that lease. It gives no right. */
  readonly name: string;
  readonly read: ReadReply;
}

export interface FillLeaseRequest extends ReaderState {
  readonly lease: string;
  readonly leaseMs: number;
  readonly tags: readonly string[];
  readonly node: string;
  /** A caller waits when the lease is held. */
  readonly waits: boolean;
  /** A caller waits beside the one who may get the lease. */
  readonly othersWait: boolean;
}

/** Reads an entry, or takes the fill lease of its key. */
export const leaseFill = library.command({
  name: 'lease',
  ...ofEntry,
  args: (input: OfPart & FillLeaseRequest) => [
    ...argumentsOf(input),
    input.lease,
    input.leaseMs,
    input.tags.join(','),
    input.node,
    input.waits ? '1' : '0',
    input.othersWait ? '1' : '0',
  ],
  binary: true,
  decode: (reply): FillLeaseReply => {
    const [state, leftMs, read, name] = reply as [Buffer, number, unknown, Buffer];
    return {
      state: String(state) as FillLeaseReply['state'],
      leftMs,
      name: String(name),
      read: decodeRead(read),
    };
  },
});

/** Keeps a fill lease; when it ends, ms since 1970. Refused: `FillLeaseVoid`. */
export const renewFill = library.command({
  name: 'renew-fill',
  ...ofEntry,
  args: ({ key, lease, leaseMs }: OfPart & { key: string; lease: string; leaseMs: number }) => [
    key,
    lease,
    leaseMs,
  ],
  decode: (reply) => Number(reply === 0 ? checked(['lease-void']) : reply),
});

/** Ends a fill lease with which nothing will be stored. */
export const endFill = library.command({
  name: 'end-fill',
  ...ofEntry,
  args: ({
    key,
    lease,
    reason = '',
  }: OfPart & { key: string; lease: string; reason?: string | undefined }) => [key, lease, reason],
  decode: () => undefined,
});

/** Those of the keys whose fill lease is free. */
export const freeLeases = library.command({
  name: 'free-leases',
  ...ofPart,
  args: ({ keys: ofEntries }: OfPart & { keys: readonly string[] }) => [...ofEntries],
  decode: (reply) => reply as string[],
});
