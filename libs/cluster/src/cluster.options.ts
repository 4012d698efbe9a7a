import type { Role } from '@syncline/contracts';

/** Injection token of {@link ClusterOptions}. */
export const CLUSTER_OPTIONS = Symbol('CLUSTER_OPTIONS');

export interface ClusterOptions {
  readonly role: Role;
  readonly nodeId: string;
  /** Nodes that are expected to join. Other nodes may join too. */
  readonly peers: readonly Peer[];
}

export interface Peer {
  readonly nodeId: string;
  readonly url: string;
}
