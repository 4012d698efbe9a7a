import { randomUUID } from 'node:crypto';
import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import {
  type CreateSession,
  createSessionSchema,
  type KeptSession,
  keptSessionSchema,
  Problem,
  type Session,
  type SessionDetails,
  sessionDetailsSchema,
  sessionSchema,
  toInstant,
} from '@syncline/contracts';
import { ApiProblems } from '@syncline/http';
import { LeaseLost, SessionsStore } from '@syncline/locks';
import { z } from 'zod';

/** Any text may be asked for; what is no id of a session is simply not there. */
const idSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(/^\S+$/)
  .toLowerCase()
  .meta({ example: '5b1f3c0e-8f0d-4b52-9a4e-1a2b3c4d5e6f' });

/** Sessions: many leases that live as long as one keep-alive comes. */
@ApiTags('sessions')
@Controller({ path: 'sessions', version: '1' })
export class SessionsController {
  constructor(private readonly sessions: SessionsStore) {}

  @Post()
  @ApiOperation({ summary: 'Open a session' })
  @ApiCreatedResponse({ standardSchema: sessionSchema })
  async createSession(@Body({ schema: createSessionSchema }) body: CreateSession): Promise<Session> {
    const { owner, ttlMs, metadata } = body;
    const sessionId = randomUUID();
    const endsAt = await this.sessions.create(sessionId, ttlMs, owner, metadata ?? null);
    return { sessionId, owner, ttlMs, expiresAt: toInstant(endsAt) };
  }

  @Post(':id/keepalive')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Keep a session, and every lease in it',
    description:
      'Tells how many leases it holds, and which were taken away from it: each for twice the `ttlMs` of the session, at most ' +
      'the 1,000 newest.',
  })
  @ApiOkResponse({ standardSchema: keptSessionSchema })
  @ApiProblems('lease-lost')
  async keepSession(@Param('id', { schema: idSchema }) sessionId: string): Promise<KeptSession> {
    const session = await this.sessions.keep(sessionId);
    if (session === null)
      throw new LeaseLost('The session is gone, and its leases with it. Open another one.');
    const { endsAt, ...facts } = session;
    return { sessionId, ...facts, expiresAt: toInstant(endsAt) };
  }

  @Get(':id')
  @ApiOperation({ summary: 'A session and its leases' })
  @ApiOkResponse({ standardSchema: sessionDetailsSchema })
  @ApiProblems('not-found')
  async describeSession(@Param('id', { schema: idSchema }) sessionId: string): Promise<SessionDetails> {
    const session = await this.sessions.show(sessionId);
    if (session === null) throw new NoSuchSession();
    const { owner, ttlMs, endsAt, metadata, leases } = session;
    return {
      sessionId,
      owner,
      ttlMs,
      expiresAt: toInstant(endsAt),
      metadata: metadata === '-' ? null : JSON.parse(metadata),
      leases,
    };
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'End a session and release its leases' })
  @ApiNoContentResponse()
  @ApiProblems('not-found')
  async endSession(@Param('id', { schema: idSchema }) sessionId: string): Promise<void> {
    if (!(await this.sessions.end(sessionId))) throw new NoSuchSession();
  }
}

/** Nobody opened it, or it ended. */
class NoSuchSession extends Problem {
  constructor() {
    super('not-found', 'There is no such session. It may have ended.');
  }
}
