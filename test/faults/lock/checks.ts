import type { Lease } from '@syncline/contracts';
import type { Hold } from './history.js';

const clash = (one: Lease, other: Lease): boolean => one.mode === 'exclusive' || other.mode === 'exclusive';

const byName = (holds: readonly Hold[]): Map<string, Hold[]> => {
  const names = new Map<string, Hold[]>();
  for (const hold of holds) names.set(hold.lease.name, [...(names.get(hold.lease.name) ?? []), hold]);
  return names;
};

const show = ({ lease, toldAt, until }: Hold): string =>
  `${lease.owner} ${lease.mode} token ${lease.fencingToken} from ${toldAt} to ${until}`;

/** A lease that was told several times ends for all of them at once. */
function once(holds: readonly Hold[]): Hold[] {
  const leases = new Map<string, Hold>();
  for (const hold of holds) {
    const same = leases.get(hold.lease.leaseId) ?? hold;
    leases.set(hold.lease.leaseId, {
      ...hold,
      toldAt: Math.min(hold.toldAt, same.toldAt),
      until: Math.min(hold.until, same.until),
    });
  }
  return [...leases.values()];
}

/** L1: leases that exclude each other are never held at the same time. */
export function overlaps(holds: readonly Hold[]): string[] {
  const found: string[] = [];
  for (const [name, same] of byName(holds)) {
    const sorted = once(same)
      .filter((hold) => hold.until > hold.toldAt)
      .sort((a, b) => a.toldAt - b.toldAt);
    sorted.forEach((hold, i) => {
      for (const later of sorted.slice(i + 1)) {
        if (later.toldAt >= hold.until) continue;
        if (clash(hold.lease, later.lease)) {
          found.push(`L1: ${name} held twice: ${show(hold)}; ${show(later)}`);
        }
      }
    });
  }
  return found;
}

/** L2 and L5: a token stands for one lease, a lease has one token, and later grants have larger ones. */
export function tokenFaults(holds: readonly Hold[]): string[] {
  const found: string[] = [];
  for (const [name, same] of byName(holds)) {
    const leaseOf = new Map<string, string>();
    const tokenOf = new Map<string, string>();
    for (const { lease } of same) {
      const other = leaseOf.get(lease.fencingToken);
      if (other !== undefined && other !== lease.leaseId)
        found.push(`L2: ${name} gave token ${lease.fencingToken} twice`);
      leaseOf.set(lease.fencingToken, lease.leaseId);
      const before = tokenOf.get(lease.leaseId);
      if (before !== undefined && before !== lease.fencingToken)
        found.push(`L5: ${name} granted ${lease.leaseId} twice`);
      tokenOf.set(lease.leaseId, lease.fencingToken);
    }
    const sorted = [...same].sort((a, b) => (a.lease.acquiredAt < b.lease.acquiredAt ? -1 : 1));
    sorted.forEach((hold, i) => {
      const next = sorted[i + 1];
      if (next === undefined || next.lease.acquiredAt === hold.lease.acquiredAt) return;
      if (
        BigInt(next.lease.fencingToken) <= BigInt(hold.lease.fencingToken) &&
        next.lease.leaseId !== hold.lease.leaseId
      ) {
        found.push(`L2: ${name}: a later grant has no larger token: ${show(hold)}; ${show(next)}`);
      }
    });
  }
  return found;
}

/** L3: in the order of the grants, nobody arrived before the one who was served before. */
export function overtakings(holds: readonly Hold[]): string[] {
  const found: string[] = [];
  const arrival = ({ lease }: Hold) => Date.parse(lease.acquiredAt) - lease.waitedMs;
  for (const [name, same] of byName(holds)) {
    const sorted = [...same].sort((a, b) =>
      BigInt(a.lease.fencingToken) < BigInt(b.lease.fencingToken) ? -1 : 1,
    );
    sorted.forEach((hold, i) => {
      const next = sorted[i + 1];
      if (next && arrival(next) < arrival(hold))
        found.push(`L3: ${name}: ${show(hold)} overtook ${show(next)}`);
    });
  }
  return found;
}

/** The time of a lease starts at its grant, whatever it waited. */
export function shortened(holds: readonly Hold[]): string[] {
  return holds
    .filter(({ lease }) => Date.parse(lease.expiresAt) - Date.parse(lease.acquiredAt) < lease.ttlMs)
    .map((hold) => `${hold.lease.name}: a lease is shorter than its ttl: ${show(hold)}`);
}

/** Everything that the holds of a run have to keep. */
export const faultsOf = (holds: readonly Hold[]): string[] => [
  ...overlaps(holds),
  ...tokenFaults(holds),
  ...overtakings(holds),
  ...shortened(holds),
];
