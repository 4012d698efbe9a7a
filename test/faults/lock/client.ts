import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease } from '@syncline/contracts';
import type { Random } from '../core/random.js';
import type { Hold } from './history.js';

/** An answer, or none: then the outcome is unknown. */
interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the check decides what the body should be
  readonly body: any;
}

/** Everything that the clients of a run saw. */
export class Record {
  readonly holds: Hold[] = [];
  readonly violations: string[] = [];
  readonly counts: { [outcome: string]: number } = {};

  count(outcome: string): void {
    this.counts[outcome] = (this.counts[outcome] ?? 0) + 1;
  }
}

export interface Wanted {
  readonly names: readonly string[];
  readonly mode: 'exclusive' | 'shared';
  readonly ttlMs: number;
  readonly waitMs: number;
}

const TRIES = 4;
/** What an answer may take beyond the wait that was asked for. */
const PATIENCE_MS = 2_500;

/** A client of the lock nodes, outside of them: it knows what it was told, and writes it down. */
export class LockClient {
  constructor(
    readonly owner: string,
    private readonly urls: () => readonly string[],
    private readonly random: Random,
    private readonly record: Record,
  ) {}

  /** Asks until somebody answers, with one lease id, through any node. Null: not granted, or never told. */
  async acquire(
    wanted: Wanted,
    leaseId: string = randomUUID(),
    signal?: AbortSignal,
  ): Promise<Hold[] | null> {
    const { names, mode, ttlMs, waitMs } = wanted;
    const terms = { owner: this.owner, ttlMs, waitMs, leaseId };
    const path = names.length === 1 ? `${names[0]}/acquire` : 'acquire';
    const body =
      names.length === 1 ? { ...terms, mode } : { ...terms, locks: names.map((name) => ({ name, mode })) };
    for (let tries = 0; tries < TRIES; tries += 1) {
      const answer = await this.post(path, body, waitMs, signal);
      this.record.count(`acquire ${answer?.body?.code ?? answer?.status ?? 'unknown'}`);
      if (answer?.status === 200) return this.hold(names.length === 1 ? [answer.body] : answer.body.leases);
      if (answer !== null && answer.status < 500) return null;
      if (signal?.aborted) return null;
      await sleep(this.random.int(20, 200));
    }
    return null;
  }

  async renew(holds: readonly Hold[], ttlMs: number): Promise<void> {
    const [{ lease }] = holds as [Hold];
    const names = holds.map((hold) => hold.lease.name);
    const path = names.length === 1 ? `${names[0]}/renew` : 'renew';
    const asked = Date.now();
    const answer = await this.post(path, {
      leaseId: lease.leaseId,
      ttlMs,
      ...(names.length > 1 && { names }),
    });
    this.record.count(`renew ${answer?.status ?? 'unknown'}`);
    if (answer?.status === 410) this.complainIfEarly('renew', holds);
    // A renewal may shorten a lease, also one whose answer was lost.
    if (answer?.status !== 200) {
      for (const hold of holds) hold.until = Math.min(hold.until, asked + ttlMs);
      return;
    }
    const leases: Lease[] = names.length === 1 ? [answer.body] : answer.body.leases;
    for (const [i, renewed] of leases.entries()) {
      const hold = holds[i] as Hold;
      if (renewed.fencingToken !== hold.lease.fencingToken) {
        this.record.violations.push(`L5: a renewal of ${hold.lease.name} changed its token`);
      }
      hold.until = Date.parse(renewed.expiresAt);
    }
  }

  async release(holds: readonly Hold[]): Promise<void> {
    const [{ lease }] = holds as [Hold];
    const end = Math.min(...holds.map((hold) => hold.until));
    for (const hold of holds) hold.until = Math.min(hold.until, Date.now());
    const names = holds.map((hold) => hold.lease.name);
    const path = names.length === 1 ? `${names[0]}/release` : 'release';
    for (let tries = 0; tries < TRIES; tries += 1) {
      const asked = Date.now();
      const answer = await this.post(path, { leaseId: lease.leaseId, ...(names.length > 1 && { names }) });
      this.record.count(`release ${answer?.status ?? 'unknown'}`);
      if (answer === null || answer.status >= 500) {
        await sleep(this.random.int(20, 200));
        continue;
      }
      const said = answer.status === 200 ? answer.body.released : answer.status;
      if (tries === 0 && Date.now() < end && said !== true) {
        this.record.violations.push(
          `L5: ${names} was released in time by ${this.owner}, asked at ${asked}, and answered ${said}`,
        );
      }
      return;
    }
  }

  /** Tries to end a lease that ended long ago: nobody may notice. */
  async releaseStale({ lease }: Hold): Promise<void> {
    const answer = await this.post(`${lease.name}/release`, { leaseId: lease.leaseId });
    this.record.count(`stale release ${answer?.status ?? 'unknown'}`);
    if (
      answer?.status === 200 &&
      answer.body.released === true &&
      lease.expiresAt < new Date(Date.now() - 1_000).toISOString()
    ) {
      this.record.violations.push(`L5: a stale release of ${lease.name} was answered with released: true`);
    }
  }

  private hold(leases: readonly Lease[]): Hold[] {
    const toldAt = Date.now();
    const holds = leases.map((lease) => ({ lease, toldAt, until: Date.parse(lease.expiresAt) }));
    this.record.holds.push(...holds);
    return holds;
  }

  private complainIfEarly(what: string, holds: readonly Hold[]): void {
    const lostAt = Date.now();
    for (const hold of holds) {
      if (lostAt < hold.until) {
        this.record.violations.push(
          `L1: ${what} of ${hold.lease.name} by ${this.owner} said lost at ${lostAt}, before its end at ${hold.until}`,
        );
      }
    }
  }

  private async post(path: string, body: object, waitMs = 0, signal?: AbortSignal): Promise<Answer | null> {
    const deadline = AbortSignal.timeout(waitMs + PATIENCE_MS);
    try {
      const response = await fetch(`${this.random.pick(this.urls())}/v1/locks/${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      });
      return { status: response.status, body: await response.json() };
    } catch {
      return null;
    }
  }
}
