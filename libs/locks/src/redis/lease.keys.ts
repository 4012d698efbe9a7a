import { createHash } from 'node:crypto';
import { roleChannel } from '@syncline/cluster';
import { Problem } from '@syncline/contracts';

/** Shards on a Redis Cluster. Each is one slot; a node beats once per shard. */
const CLUSTER_SHARDS = 32;

/** What the name of a resource stands for. Locks and semaphores have names of their own. */
export type Kind = 'lock' | 'semaphore';

/** A lock or a semaphore, as the scripts name it: `l/invoice-42`, `s/downloads`. */
export const resourceKey = (kind: Kind, name: string): string => `${kind === 'lock' ? 'l' : 's'}/${name}`;
export const kindOf = (key: string): Kind => (key.startsWith('l/') ? 'lock' : 'semaphore');
export const resourceName = (key: string): string => key.slice(2);

/** Start of every channel on which the scripts send hints. */
export const HINT_CHANNELS = roleChannel('lock', '');

/** Prefix of every key of a shard. The scripts append the rest: `state.lua` lists the keys. */
export const shardPrefix = (shard: number): string => `syncline:lock:{${shard}}:`;

/**
 * Where the state of a name lies. A shard is what one script can change: all of a single Redis, or one slot of
 * a Redis Cluster. Names with the same `{tag}` share a shard.
 */
export class Shards {
  readonly all: readonly number[];

  constructor(isCluster: boolean) {
    this.all = Array.from({ length: isCluster ? CLUSTER_SHARDS : 1 }, (_, shard) => shard);
  }

  of(name: string): number {
    if (this.all.length === 1) return 0;
    const tag = /\{([^}]+)\}/.exec(name)?.[1] ?? name;
    return createHash('sha1').update(tag).digest().readUInt16BE() % this.all.length;
  }

  /** @throws Problem `cross-slot` when the names lie in several shards */
  ofAll(names: readonly string[]): number {
    const [shard = 0, ...others] = new Set(names.map((name) => this.of(name)));
    if (others.length > 0) {
      throw new Problem(
        'cross-slot',
        'The names of one atomic call must share a {tag} on Redis Cluster, as in {order-42}:stock and {order-42}:bill.',
      );
    }
    return shard;
  }
}
