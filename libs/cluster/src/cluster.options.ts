import type { Member, Role } from '@syncline/contracts';

/** Injection token of {@link ClusterOptions}. */
export const CLUSTER_OPTIONS = Symbol('CLUSTER_OPTIONS');

export interface ClusterOptions {
  readonly role: Role;
  readonly nodeId: string;
  readonly kind: Member['kind'];
  /** Whether this node takes part in the ring, unless no member does. */
  readonly timers: boolean;
  /** Nodes that are expected to join. Other nodes may join too. */
  readonly peers: readonly Peer[];
}

export interface Peer {
  readonly nodeId: string;
  readonly url: string;
}
