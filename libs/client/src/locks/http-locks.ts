import type {
  Cluster,
  Deadlocks,
  KeptSession,
  Lease,
  LeaseSet,
  Lock,
  LockPage,
  OpenedSession,
  Semaphore,
  SemaphorePage,
  SessionDetails,
  Sessions,
  Verified,
  WaitList,
} from '@syncline/contracts';
import { Transport, type TransportOptions } from '../transport/transport.js';
import { LockCalls, lockCall, timed } from './lock-calls.js';
import { watchLock } from './lock-events.js';
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
} from './lock-port.js';

const lockPath = (name: string) => `/v1/locks/${encodeURIComponent(name)}`;
const semaphorePath = (name: string) => `/v1/semaphores/${encodeURIComponent(name)}`;
const sessionPath = (sessionId: string) => `/v1/sessions/${encodeURIComponent(sessionId)}`;
const queryOf = (page: NamePage) => new URLSearchParams({ ...page });

/** The lock nodes, over HTTP. */
export class HttpLocks implements LockPort {
  private readonly transport: Transport;
  private readonly calls: LockCalls;

  constructor(options: TransportOptions) {
    this.transport = new Transport(options);
    this.calls = new LockCalls(this.transport);
  }

  get timeoutMs(): number {
    return this.transport.timeoutMs;
  }

  get isClosed(): boolean {
    return this.transport.isClosed;
  }

  acquireLock(name: string, request: LockRequest, wait: Wait): Promise<Timed<Lease>> {
    // In a session, the number of attempts tells why a lease is lost: such a request is sent alone.
    const together = wait.waitMs === 0 && request.sessionId === undefined;
    if (together) return this.calls.acquire(name, request);
    return this.wait(`${lockPath(name)}/acquire`, request, wait, name);
  }

  renewLock(name: string, leaseId: string, ttlMs: number, limits: CallLimits): Promise<Timed<Lease>> {
    return this.calls.renew(name, { leaseId, ttlMs }, limits);
  }

  releaseLock(name: string, leaseId: string, contended: boolean): Promise<unknown> {
    return this.calls.release(name, leaseId, contended);
  }

  acquireSet(request: SetRequest, wait: Wait): Promise<Timed<LeaseSet>> {
    return this.wait('/v1/locks/acquire', request, wait, request.locks[0]?.name ?? '');
  }

  renewSet(set: HeldSet, ttlMs: number, limits: CallLimits): Promise<Timed<LeaseSet>> {
    return this.post('/v1/locks/renew', { ...set, ttlMs }, limits);
  }

  releaseSet(set: HeldSet): Promise<unknown> {
    return this.post('/v1/locks/release', set);
  }

  acquirePermits(name: string, request: PermitRequest, wait: Wait): Promise<Timed<Lease>> {
    return this.wait(`${semaphorePath(name)}/acquire`, request, wait, name);
  }

  renewPermits(name: string, leaseId: string, ttlMs: number, limits: CallLimits): Promise<Timed<Lease>> {
    return this.post(`${semaphorePath(name)}/renew`, { leaseId, ttlMs }, limits);
  }

  releasePermits(name: string, leaseId: string): Promise<unknown> {
    return this.post(`${semaphorePath(name)}/release`, { leaseId });
  }

  describeSemaphore(name: string): Promise<Semaphore> {
    return this.get(semaphorePath(name));
  }

  resizeSemaphore(name: string, limit: number): Promise<unknown> {
    const body = JSON.stringify({ limit });
    return this.transport.call({ method: 'PUT', path: semaphorePath(name), body, idempotent: true });
  }

  revokePermits(name: string, reason: string | undefined): Promise<readonly string[]> {
    return this.revoke(semaphorePath(name), reason);
  }

  listSemaphores(page: NamePage): Promise<SemaphorePage> {
    return this.get(`/v1/semaphores?${queryOf(page)}`);
  }

  /** The node chooses the id. If an answer is lost and a second session is created, the first ends with its TTL. */
  openSession(request: Pick<LeaseRequest, 'owner' | 'ttlMs' | 'metadata'>): Promise<Timed<OpenedSession>> {
    return this.post('/v1/sessions', request);
  }

  async keepSession(sessionId: string, limits: CallLimits): Promise<Timed<KeptSession>> {
    const path = `${sessionPath(sessionId)}/keepalive`;
    return timed(await this.transport.call({ method: 'POST', path, idempotent: true, ...limits }));
  }

  endSession(sessionId: string): Promise<unknown> {
    const path = sessionPath(sessionId);
    return this.transport.call({ method: 'DELETE', path, idempotent: true, accept: [404] });
  }

  describeSession(sessionId: string): Promise<SessionDetails> {
    return this.get(sessionPath(sessionId));
  }

  listSessions(page: NamePage): Promise<Sessions> {
    return this.get(`/v1/sessions?${queryOf(page)}`);
  }

  describeLock(name: string, signal?: AbortSignal): Promise<Lock> {
    return this.get(lockPath(name), signal);
  }

  async verifyToken(name: string, fencingToken: string): Promise<Verified> {
    return (await this.post<Verified>(`${lockPath(name)}/verify`, { fencingToken })).body;
  }

  revokeLock(name: string, reason: string | undefined): Promise<readonly string[]> {
    return this.revoke(lockPath(name), reason);
  }

  listLocks(page: NamePage): Promise<LockPage> {
    return this.get(`/v1/locks?${queryOf(page)}`);
  }

  listWaits(): Promise<WaitList> {
    return this.get('/v1/locks/waits');
  }

  listDeadlocks(): Promise<Deadlocks> {
    return this.get('/v1/deadlocks');
  }

  watchLock(name: string, signal: AbortSignal): AsyncIterable<unknown> {
    return watchLock(this.transport, `${lockPath(name)}/events`, signal);
  }

  describeCluster(): Promise<Cluster> {
    return this.transport.cluster();
  }

  close(): Promise<void> {
    return this.transport.close();
  }

  /** @param affinity a request that waits goes to the node of this name, which can grant it in the step that releases the lock */
  private async wait<T>(path: string, request: object, wait: Wait, affinity: string): Promise<Timed<T>> {
    const { waitMs, signal, onAttempt } = wait;
    const startedAt = performance.now();
    const body = () => {
      onAttempt?.();
      const left = Math.max(0, Math.round(waitMs - (performance.now() - startedAt)));
      return JSON.stringify({ ...request, waitMs: left });
    };
    const call = { ...lockCall(path, undefined), body, waitMs, signal };
    return timed(await this.transport.call({ ...call, ...(waitMs > 0 && { affinity }) }));
  }

  private async revoke(path: string, reason: string | undefined): Promise<readonly string[]> {
    const body = JSON.stringify({ reason });
    const call = { method: 'DELETE', path, body, idempotent: false } as const;
    return (await this.transport.json<{ revoked: string[] }>(call)).revoked;
  }

  private async post<T>(path: string, body: object, limits?: CallLimits): Promise<Timed<T>> {
    return timed(await this.transport.call({ ...lockCall(path, body), ...limits }));
  }

  private get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.transport.json({ method: 'GET', path, idempotent: true, signal });
  }
}
