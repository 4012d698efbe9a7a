import { Inject, Injectable } from '@nestjs/common';
import { ROLES, type Role } from '@syncline/contracts';
import { REDIS, type RedisClient, storeError } from '@syncline/redis';
import { SILENCE_MS } from './membership.rules.js';
import { readMembers } from './redis/membership.commands.js';

/** So old may be what is known of the nodes, ms. */
const FRESH_MS = 1_000;

/** A living node that answers calls. */
export interface KnownNode {
  readonly role: Role;
  readonly nodeId: string;
  readonly url: string;
}

/** The living nodes of all roles, so that a node of one role finds those of another. Embedded members are not called. */
@Injectable()
export class NodeDirectory {
  private known: { readonly at: number; readonly nodes: Promise<readonly KnownNode[]> } | undefined;

  constructor(@Inject(REDIS) private readonly redis: RedisClient) {}

  /**
   * At most a second old.
   *
   * @throws StoreUnavailable
   */
  nodes(): Promise<readonly KnownNode[]> {
    const now = performance.now();
    if (this.known === undefined || now - this.known.at > FRESH_MS) {
      const nodes = this.read();
      this.known = { at: now, nodes };
      nodes.catch(() => {
        if (this.known?.nodes === nodes) this.known = undefined;
      });
    }
    return this.known.nodes;
  }

  private async read(): Promise<readonly KnownNode[]> {
    try {
      const found = await Promise.all(ROLES.map((role) => this.readRole(role)));
      return found.flat();
    } catch (error) {
      throw storeError(error);
    }
  }

  private async readRole(role: Role): Promise<readonly KnownNode[]> {
    const { members, silentMs } = await readMembers(this.redis, { role });
    return members
      .filter(({ nodeId, url }) => url !== '' && (silentMs.get(nodeId) ?? 0) < SILENCE_MS)
      .map(({ nodeId, url }) => ({ role, nodeId, url }));
  }
}
