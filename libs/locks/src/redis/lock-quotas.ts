import { Inject, Injectable } from '@nestjs/common';
import { pageAfter, REDIS, type RedisClient, storeError } from '@syncline/redis';
import { type Tenant, Tenants } from '@syncline/runtime';
import { type Kind, resourceKey } from '../lease/resource.js';
import { Shards, shardPrefix } from './shards.js';

const KINDS: readonly Kind[] = ['lock', 'semaphore'];
const GOOD_FOR_MS = 1_000;

/** How many names a tenant holds in each shard, and when that was. */
interface Counted {
  readonly counts: Promise<readonly number[]>;
  readonly at: number;
}

/** How many locks and semaphores a tenant may hold in a shard. The script judges it; only of other shards it knows nothing. */
@Injectable()
export class LockQuotas {
  private readonly counted = new WeakMap<Tenant, Counted>();

  constructor(
    @Inject(REDIS) private readonly redis: Pick<RedisClient, 'zlexcount'>,
    private readonly shards: Shards,
    private readonly tenants: Tenants,
  ) {}

  /** The tenant whose locks are bounded, for a name. */
  tenantOf(name: string): Tenant | undefined {
    const tenant = this.tenants.of(name);
    return tenant?.quotas.locks === undefined ? undefined : tenant;
  }

  /**
   * What its quota leaves to a shard. What others have is known as it was a second ago at most; where there is one shard alone, this is known at
   * once, so that operations of one turn keep their order.
   *
   * @throws StoreUnavailable
   */
  mostFor(tenant: Tenant, shard: number): number | Promise<number> {
    const { locks: most = 0 } = tenant.quotas;
    return this.shards.all.length === 1 ? most : this.mostBesideOthers(tenant, shard, most);
  }

  private async mostBesideOthers(tenant: Tenant, shard: number, most: number): Promise<number> {
    let counted = this.counted.get(tenant);
    if (counted === undefined || performance.now() - counted.at > GOOD_FOR_MS) {
      counted = { counts: this.count(tenant.realm), at: performance.now() };
      this.counted.set(tenant, counted);
    }
    const counts = await counted.counts;
    return counts.reduce((left, count, other) => (other === shard ? left : left - count), most);
  }

  private count(realm: string): Promise<number[]> {
    const inShard = async (shard: number) => {
      const counts = await Promise.all(
        KINDS.map((kind) => {
          const { from, to } = pageAfter(resourceKey(kind, realm), null);
          return this.redis.zlexcount(`${shardPrefix(shard)}index`, from, to);
        }),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    };
    return Promise.all(this.shards.all.map(inShard)).catch((error: unknown) => {
      throw storeError(error);
    });
  }
}
