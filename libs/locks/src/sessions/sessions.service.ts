import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  type CreateSession,
  type KeptSession,
  type ListSessions,
  type OpenedSession,
  Problem,
  type SessionDetails,
  type Sessions,
  toInstant,
} from '@syncline/contracts';
import { FIRST_PAGE, fromCursor, toCursor } from '@syncline/redis';
import { LeaseLost } from '../lease/lease.errors.js';
import { HeldReplies } from '../redis/held-replies.js';
import { SessionsStore } from '../redis/sessions.store.js';

/** Nobody opened it, or it ended. */
class NoSuchSession extends Problem {
  constructor() {
    super('not-found', 'There is no such session. It may have ended.');
  }
}

/** Sessions: many leases that live as long as one keep-alive comes. */
@Injectable()
export class SessionsService {
  constructor(
    private readonly store: SessionsStore,
    private readonly held: HeldReplies,
  ) {}

  /** @param realm of the names that it may hold */
  async create({ owner, ttlMs, metadata }: CreateSession, realm = ''): Promise<OpenedSession> {
    const sessionId = `${realm}${randomUUID()}`;
    const endsAt = await this.store.create(sessionId, ttlMs, owner, metadata ?? null);
    return this.held.told({ sessionId, owner, ttlMs, expiresAt: toInstant(endsAt) });
  }

  /** @throws LeaseLost when it is gone */
  async keep(sessionId: string): Promise<KeptSession> {
    const session = await this.store.keep(sessionId);
    if (session === null)
      throw new LeaseLost('The session is gone, and its leases with it. Open another one.');
    const { endsAt, ...facts } = session;
    return this.held.told({ sessionId, ...facts, expiresAt: toInstant(endsAt) });
  }

  /** @throws NoSuchSession */
  async describe(sessionId: string): Promise<SessionDetails> {
    const session = await this.store.show(sessionId);
    if (session === null) throw new NoSuchSession();
    const { owner, ttlMs, endsAt, metadata, leases } = session;
    return { sessionId, owner, ttlMs, expiresAt: toInstant(endsAt), metadata, leases };
  }

  /** @throws ValidationFailed of a cursor that is none */
  async list({ prefix, cursor, limit }: ListSessions, realm = ''): Promise<Sessions> {
    const from = cursor === undefined ? FIRST_PAGE : fromCursor(cursor);
    const { sessions, next } = await this.store.list({ prefix, realm, limit, ...from });
    return {
      sessions: sessions.map(({ endsAt, ...facts }) => ({ ...facts, expiresAt: toInstant(endsAt) })),
      cursor: next && toCursor(next),
    };
  }

  /** Ends a session and releases its leases. @throws NoSuchSession */
  async end(sessionId: string): Promise<void> {
    if (!(await this.store.end(sessionId))) throw new NoSuchSession();
  }
}
