import { defineScript } from '@syncline/redis';
import { keysOfCache as keys } from '../entries.keys.js';
import type { InLife } from './coherence.scripts.js';
import { argumentsOf, type Reader } from './reading.js';
import { decodeTold, type Told } from './told.js';

const file = (name: string) => new URL(`./${name}.lua`, import.meta.url);
const life = ({ life: id }: InLife) => id;

/** Who may compute a missing value: `lease`, the caller; `held`, somebody else; `hit`, nobody needs to. */
export interface LeaseState {
  readonly state: 'hit' | 'lease' | 'held';
  /** Until the lease in force ends. */
  readonly leftMs: number;
  /** Of that lease. It gives no right. */
  readonly name: string;
  readonly told: Told;
}

/** Reads an entry, or takes the fill lease of its key. */
export const leaseFill = defineScript({
  file: file('lease'),
  keys,
  life,
  args: (
    input: Reader & {
      lease: string;
      leaseMs: number;
      tags: readonly string[];
      node: string;
      /** Somebody waits when the lease is held. */
      waits: boolean;
      /** Somebody waits beside the one who may get the lease. */
      othersWait: boolean;
    },
  ) => [
    ...argumentsOf(input),
    input.lease,
    input.leaseMs,
    input.tags.join(','),
    input.node,
    input.waits ? '1' : '0',
    input.othersWait ? '1' : '0',
  ],
  binary: true,
  decode: (reply): LeaseState => {
    const [state, leftMs, told, name] = reply as [Buffer, number, unknown, Buffer];
    return {
      state: String(state) as LeaseState['state'],
      leftMs,
      name: String(name),
      told: decodeTold(told),
    };
  },
});

/** Keeps a fill lease; when it ends, ms since 1970. Null: it is not in force. */
export const renewFill = defineScript({
  file: file('renew-fill'),
  keys,
  life,
  args: ({ key, lease, leaseMs }: InLife & { key: string; lease: string; leaseMs: number }) => [
    key,
    lease,
    leaseMs,
  ],
  decode: (reply) => (reply === 0 ? null : Number(reply)),
});

/** Ends a fill lease with which nothing will be stored. */
export const endFill = defineScript({
  file: file('end-fill'),
  keys,
  life,
  args: ({
    key,
    lease,
    reason = '',
  }: InLife & { key: string; lease: string; reason?: string | undefined }) => [key, lease, reason],
  decode: () => undefined,
});

/** Those of the keys whose fill lease is free. */
export const freeLeases = defineScript({
  file: file('free-leases'),
  keys,
  life,
  args: ({ keys: ofEntries }: InLife & { keys: readonly string[] }) => [...ofEntries],
  decode: (reply) => reply as string[],
});
