import type {
  CallLimits,
  HeldSet,
  LeaseRequest,
  LockPort,
  LockRequest,
  NamePage,
  PermitRequest,
  SetRequest,
  Timed,
  Wait,
} from '@syncline/client/ports';
import {
  acquirePermitsSchema,
  acquireSchema,
  acquireSetSchema,
  type Cluster,
  checked,
  createSessionSchema,
  type Deadlocks,
  type KeptSession,
  type Lease,
  type LeaseSet,
  type Lock,
  type LockPage,
  listLocksSchema,
  listSessionsSchema,
  nameSchema,
  type OpenedSession,
  Problem,
  type Revoked,
  releaseSetSchema,
  renewSchema,
  renewSetSchema,
  resizeSchema,
  revokeSchema,
  type Semaphore,
  type SemaphorePage,
  type SessionDetails,
  type Sessions,
  type Verified,
  verifySchema,
  type WaitList,
} from '@syncline/contracts';
import { LocksService, SemaphoresService, SessionsService, WaitingService, Watches } from '@syncline/locks';
import type { DisconnectSignal } from '@syncline/runtime';
import { type Calls, NEVER } from '../engine/calls.js';
import type { Engine } from '../engine/engine.js';
import { type Watcher, watchLock } from './lock-watch.js';

/** The lock engine of this process. */
export class EmbeddedLocks implements LockPort {
  private readonly calls: Calls;
  private readonly locks: LocksService;
  private readonly semaphores: SemaphoresService;
  private readonly sessions: SessionsService;
  private readonly waiting: WaitingService;
  private readonly watches: Watches;

  constructor(private readonly engine: Engine) {
    this.calls = engine.calls;
    this.locks = engine.get(LocksService);
    this.semaphores = engine.get(SemaphoresService);
    this.sessions = engine.get(SessionsService);
    this.waiting = engine.get(WaitingService);
    this.watches = engine.get(Watches);
  }

  get timeoutMs(): number {
    return this.calls.timeoutMs;
  }

  get isClosed(): boolean {
    return this.calls.isClosed;
  }

  acquireLock(name: string, request: LockRequest, wait: Wait): Promise<Timed<Lease>> {
    const fields = copied(request);
    return this.acquire(wait, (disconnect, waitMs) =>
      this.locks.acquire(named(name), checked(acquireSchema, { ...fields, waitMs }, 'body'), disconnect),
    );
  }

  renewLock(name: string, leaseId: string, ttlMs: number, limits: CallLimits): Promise<Timed<Lease>> {
    return this.calls.timed(
      () => this.locks.renew(named(name), checked(renewSchema, { leaseId, ttlMs }, 'body')),
      limits,
    );
  }

  releaseLock(name: string, leaseId: string): Promise<unknown> {
    return this.calls.call(() => this.locks.release(named(name), { leaseId }));
  }

  acquireSet(request: SetRequest, wait: Wait): Promise<Timed<LeaseSet>> {
    const fields = copied(request);
    return this.acquire(wait, (disconnect, waitMs) =>
      this.locks.acquireSet(checked(acquireSetSchema, { ...fields, waitMs }, 'body'), disconnect),
    );
  }

  renewSet(set: HeldSet, ttlMs: number, limits: CallLimits): Promise<Timed<LeaseSet>> {
    return this.calls.timed(
      () => this.locks.renewSet(checked(renewSetSchema, { ...set, ttlMs }, 'body')),
      limits,
    );
  }

  releaseSet(set: HeldSet): Promise<unknown> {
    return this.calls.call(() => this.locks.releaseSet(checked(releaseSetSchema, set, 'body')));
  }

  acquirePermits(name: string, request: PermitRequest, wait: Wait): Promise<Timed<Lease>> {
    const fields = copied(request);
    return this.acquire(wait, (disconnect, waitMs) => {
      const permits = checked(acquirePermitsSchema, { ...fields, waitMs }, 'body');
      return this.semaphores.acquire(named(name), permits, disconnect);
    });
  }

  renewPermits(name: string, leaseId: string, ttlMs: number, limits: CallLimits): Promise<Timed<Lease>> {
    return this.calls.timed(
      () => this.semaphores.renew(named(name), checked(renewSchema, { leaseId, ttlMs }, 'body')),
      limits,
    );
  }

  releasePermits(name: string, leaseId: string): Promise<unknown> {
    return this.calls.call(() => this.semaphores.release(named(name), { leaseId }));
  }

  describeSemaphore(name: string): Promise<Semaphore> {
    return this.calls.call(() => this.semaphores.describe(named(name)));
  }

  resizeSemaphore(name: string, limit: number): Promise<unknown> {
    return this.calls.call(() => {
      const resize = checked(resizeSchema, { limit }, 'body');
      return this.semaphores.resize(named(name), resize.limit);
    });
  }

  revokePermits(name: string, reason: string | undefined): Promise<readonly string[]> {
    return this.revoke(reason, (why) => this.semaphores.revoke(named(name), why));
  }

  listSemaphores(page: NamePage): Promise<SemaphorePage> {
    return this.calls.call(() => this.semaphores.list(checked(listLocksSchema, page, 'query')));
  }

  openSession(request: Pick<LeaseRequest, 'owner' | 'ttlMs' | 'metadata'>): Promise<Timed<OpenedSession>> {
    const fields = copied(request);
    return this.calls.timed(() => this.sessions.create(checked(createSessionSchema, fields, 'body')));
  }

  keepSession(sessionId: string, limits: CallLimits): Promise<Timed<KeptSession>> {
    return this.calls.timed(() => this.sessions.keep(sessionId), limits);
  }

  endSession(sessionId: string): Promise<unknown> {
    return this.calls.call(() => this.sessions.end(sessionId).catch(unlessGone));
  }

  describeSession(sessionId: string): Promise<SessionDetails> {
    return this.calls.call(() => this.sessions.describe(sessionId));
  }

  listSessions(page: NamePage): Promise<Sessions> {
    return this.calls.call(() => this.sessions.list(checked(listSessionsSchema, page, 'query')));
  }

  async describeLock(name: string, signal?: AbortSignal): Promise<Lock> {
    signal?.throwIfAborted();
    return this.calls.call(() => this.locks.describe(named(name)));
  }

  verifyToken(name: string, fencingToken: string): Promise<Verified> {
    return this.calls.call(() => {
      const verify = checked(verifySchema, { fencingToken }, 'body');
      return this.locks.verify(named(name), verify.fencingToken);
    });
  }

  revokeLock(name: string, reason: string | undefined): Promise<readonly string[]> {
    return this.revoke(reason, (why) => this.locks.revoke(named(name), why));
  }

  listLocks(page: NamePage): Promise<LockPage> {
    return this.calls.call(() => this.locks.list(checked(listLocksSchema, page, 'query')));
  }

  listWaits(): Promise<WaitList> {
    return this.calls.call(() => this.waiting.waits());
  }

  listDeadlocks(): Promise<Deadlocks> {
    return this.calls.call(() => this.waiting.deadlocks());
  }

  async *watchLock(name: string, signal: AbortSignal): AsyncGenerator<unknown, void, void> {
    const { disconnect, detach } = this.calls.attach(signal);
    try {
      const begin = (watcher: Watcher) =>
        this.calls.call(() => this.watches.watch(named(name), null, watcher));
      yield* watchLock(begin, disconnect);
    } finally {
      detach();
    }
  }

  describeCluster(): Promise<Cluster> {
    return this.engine.describeCluster();
  }

  close(): Promise<void> {
    return this.engine.close();
  }

  private revoke(
    given: string | undefined,
    revoke: (reason: string) => Promise<Revoked>,
  ): Promise<readonly string[]> {
    const run = async () => {
      const { reason = '' } = checked(revokeSchema, { reason: given }, 'body');
      return (await revoke(reason)).revoked;
    };
    return this.calls.call(run, { repeatable: false });
  }

  private acquire<T>(
    wait: Wait,
    run: (disconnect: DisconnectSignal, waitMs: number) => Promise<T>,
  ): Promise<Timed<T>> {
    if (wait.waitMs > 0) return this.calls.park(run, wait);
    return this.calls.timed(() => {
      wait.onAttempt?.();
      return run(NEVER, 0);
    });
  }
}

const named = (name: string): string => checked(nameSchema, name, 'name');

/** A request as JSON would carry it: its caller may change the metadata meanwhile. @throws TypeError it is no JSON */
const copied = <R extends Pick<LeaseRequest, 'metadata'>>(request: R): R =>
  request.metadata === undefined
    ? request
    : { ...request, metadata: JSON.parse(JSON.stringify(request.metadata)) };

function unlessGone(error: unknown): void {
  if (!(error instanceof Problem && error.code === 'not-found')) throw error;
}
