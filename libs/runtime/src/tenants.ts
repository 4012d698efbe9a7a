import { Injectable } from '@nestjs/common';
import { Problem, realmIn, realmOf, type StockQuota, type StockQuotas } from '@syncline/contracts';

const WORDS: Readonly<Record<StockQuota, string>> = {
  queues: 'queues',
  messageBytes: 'bytes of messages',
  entryBytes: 'bytes of cache entries',
  locks: 'locks and semaphores at a time',
  nearCacheBytes: 'bytes of near caches at a node',
};

/** What the names of a tenant may take up, and what this process knows of it. */
export class Tenant {
  /** What it was found to take up last. */
  readonly used = new Map<StockQuota, number>();
  /** How often this process refused it something. */
  readonly refusals = new Map<StockQuota, number>();

  constructor(
    readonly name: string,
    public quotas: StockQuotas,
  ) {}

  /** What names of it begin with. */
  get realm(): string {
    return realmOf(this.name);
  }

  /** The refusal of what would be beyond a quota. */
  exceeds(quota: StockQuota): Problem {
    this.refusals.set(quota, (this.refusals.get(quota) ?? 0) + 1);
    return new Problem(
      'rate-limited',
      `The tenant ${this.name} may have ${this.quotas[quota]} ${WORDS[quota]}. Remove some, or try again later.`,
    );
  }
}

/** The tenants of this process. An embedded engine has none, and a node those of its keys. */
@Injectable()
export class Tenants {
  private byRealm: ReadonlyMap<string, Tenant> = new Map();

  get all(): readonly Tenant[] {
    return [...this.byRealm.values()];
  }

  /** Whose name it is, among those that have quotas. */
  of(name: string): Tenant | undefined {
    const realm = realmIn(name);
    return realm === '' ? undefined : this.byRealm.get(realm);
  }

  /** What this process knows of a tenant stays. */
  replace(tenants: readonly { readonly name: string; readonly quotas?: StockQuotas | undefined }[]): void {
    this.byRealm = new Map(
      tenants.map(({ name, quotas = {} }) => {
        const realm = realmOf(name);
        const tenant = this.byRealm.get(realm) ?? new Tenant(name, quotas);
        tenant.quotas = quotas;
        return [realm, tenant];
      }),
    );
  }
}
