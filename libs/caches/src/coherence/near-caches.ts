import type { Tenant, Tenants } from '@syncline/runtime';
import { NearCache, type OnEvicted } from '../near-cache/near-cache.js';
import { IDLE_MS, MAX_NEAR_CACHES } from './coherence.rules.js';
import type { Lease } from './lease.js';

/** The near caches of a node, by the name of their cache: together they stay within the bytes of the node, and those of a tenant within its quota. */
export class NearCaches {
  private readonly all = new Map<string, NearCache>();
  /** How many there are of tenants. */
  private ofTenants: ReadonlyMap<Tenant, number> = new Map();
  /** Entries are held that can never be served again. */
  private holdsOver = false;

  /** @param bytes of all of them together */
  constructor(
    private readonly bytes: number,
    private readonly tenants: Tenants,
  ) {}

  /** Undefined while nothing is held of the cache. */
  of(cache: string): NearCache | undefined {
    return this.all.get(cache);
  }

  /** Bytes and entries of all of them together. */
  get held(): { readonly bytes: number; readonly entries: number } {
    const held = { bytes: 0, entries: 0 };
    for (const near of this.all.values()) {
      held.bytes += near.bytes;
      held.entries += near.count;
    }
    return held;
  }

  /** Bytes that the node has for a cache, whatever it is configured to. */
  roomFor(cache: string): number {
    return this.shareOf(cache, this.all.has(cache) ? 0 : 1);
  }

  /**
   * The near cache of a cache, made when there is none.
   *
   * @param bytes of it, as the cache is configured
   */
  open(cache: string, bytes: number, onEvicted: OnEvicted): NearCache {
    let near = this.all.get(cache);
    if (near === undefined) {
      if (this.all.size >= MAX_NEAR_CACHES) this.dropLeastUsed();
      near = new NearCache(bytes, onEvicted);
      this.all.set(cache, near);
      this.share();
    }
    if (near.configured !== bytes) {
      near.configured = bytes;
      this.share();
    }
    return near;
  }

  drop(cache: string): void {
    this.all.delete(cache);
  }

  /** Serves nothing any more that came under a lease; it is dropped later, in one pass with what other shards lost. */
  end(lease: Lease): void {
    lease.isOver = true;
    this.holdsOver = true;
  }

  /** Drops those that nobody used for long, and what can never be served again. */
  dropUnused(now: number): void {
    if (this.holdsOver) for (const near of this.all.values()) near.dropOver();
    this.holdsOver = false;
    for (const [cache, near] of this.all) {
      if (near.count === 0 || now - near.usedAt > IDLE_MS) this.all.delete(cache);
    }
    this.share();
  }

  private dropLeastUsed(): void {
    let least: { cache: string; usedAt: number } | undefined;
    for (const [cache, near] of this.all) {
      if (least === undefined || near.usedAt < least.usedAt) least = { cache, usedAt: near.usedAt };
    }
    if (least !== undefined) this.all.delete(least.cache);
  }

  private share(): void {
    this.countTenants();
    for (const [cache, near] of this.all) near.resize(Math.min(near.configured, this.shareOf(cache, 0)));
  }

  /** @param more caches that will be there, too */
  private shareOf(cache: string, more: number): number {
    const ofNode = Math.floor(this.bytes / (this.all.size + more));
    const tenant = this.tenants.of(cache);
    const most = tenant?.quotas.nearCacheBytes;
    if (tenant === undefined || most === undefined) return ofNode;
    return Math.min(ofNode, Math.floor(most / Math.max(1, (this.ofTenants.get(tenant) ?? 0) + more)));
  }

  private countTenants(): void {
    const counts = new Map<Tenant, number>();
    const bytes = new Map<Tenant, number>();
    for (const [cache, near] of this.all) {
      const tenant = this.tenants.of(cache);
      if (tenant === undefined) continue;
      counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
      bytes.set(tenant, (bytes.get(tenant) ?? 0) + near.bytes);
    }
    for (const [tenant] of this.ofTenants) tenant.used.set('nearCacheBytes', bytes.get(tenant) ?? 0);
    this.ofTenants = counts;
  }
}
