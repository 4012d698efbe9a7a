import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
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
  type ListSessions,
  listSessionsSchema,
  NAME_FIELD,
  type OpenedSession,
  openedSessionSchema,
  realmFields,
  type SessionDetails,
  type Sessions,
  sessionDetailsSchema,
  sessionsSchema,
} from '@syncline/contracts';
import { ApiProblems, CalledBy, type Caller, Does, JUDGED_BY_HANDLER, NO_NAME } from '@syncline/http';
import { SessionsService } from '@syncline/locks';
import { z } from 'zod';

/** Any text may be asked for; what is no id of a session is simply not there. */
const idSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\s~]+$/)
  .toLowerCase()
  .register(realmFields, NAME_FIELD)
  .meta({ example: '5b1f3c0e-8f0d-4b52-9a4e-1a2b3c4d5e6f', description: 'Id of the session' });

/** Sessions: many leases that live as long as one keep-alive comes. */
@ApiTags('sessions')
@Controller({ path: 'sessions', version: '1' })
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @Post()
  @Does('lock', NO_NAME)
  @ApiOperation({ summary: 'Open a session' })
  @ApiCreatedResponse({ standardSchema: openedSessionSchema })
  createSession(
    @Body({ schema: createSessionSchema }) body: CreateSession,
    @CalledBy() caller: Caller,
  ): Promise<OpenedSession> {
    return this.sessions.create(body, caller.realm);
  }

  @Get()
  @Does('read', JUDGED_BY_HANDLER)
  @ApiOperation({
    summary: 'List sessions, in no order',
    description:
      'What is there from the first page to the last is listed. The end is where `cursor` is null.',
  })
  @ApiOkResponse({ standardSchema: sessionsSchema })
  listSessions(
    @Query({ schema: listSessionsSchema }) query: ListSessions,
    @CalledBy() caller: Caller,
  ): Promise<Sessions> {
    caller.requireForAll('read', 'Sessions have no names.');
    // An id is the right to its session.
    if (caller.mayToSome('lock')) caller.requireForAll('lock', 'The ids of sessions would be told to it.');
    return this.sessions.list(query, caller.realm);
  }

  @Post(':id/keepalive')
  @Does('lock', JUDGED_BY_HANDLER)
  @HttpCode(200)
  @ApiOperation({
    summary: 'Keep a session alive, and every lease in it',
    description:
      'Tells how many leases it holds, and which were taken away from it: each for twice the `ttlMs` of the session, at most ' +
      'the 1,000 newest.',
  })
  @ApiOkResponse({ standardSchema: keptSessionSchema })
  @ApiProblems('lease-lost')
  async keepSession(
    @Param('id', { schema: idSchema }) sessionId: string,
    @CalledBy() caller: Caller,
  ): Promise<KeptSession> {
    const session = await this.sessions.keep(sessionId);
    return { ...session, lost: session.lost.filter(({ name }) => caller.knows(name)) };
  }

  @Get(':id')
  @Does('read', JUDGED_BY_HANDLER)
  @ApiOperation({ summary: 'Describe a session and its leases' })
  @ApiOkResponse({ standardSchema: sessionDetailsSchema })
  @ApiProblems('not-found')
  async describeSession(
    @Param('id', { schema: idSchema }) sessionId: string,
    @CalledBy() caller: Caller,
  ): Promise<SessionDetails> {
    const session = await this.sessions.describe(sessionId);
    return { ...session, leases: session.leases.filter(({ name }) => caller.may('read', name)) };
  }

  @Delete(':id')
  @Does('lock', NO_NAME)
  @HttpCode(204)
  @ApiOperation({ summary: 'End a session and release its leases' })
  @ApiNoContentResponse()
  @ApiProblems('not-found')
  endSession(@Param('id', { schema: idSchema }) sessionId: string): Promise<void> {
    return this.sessions.end(sessionId);
  }
}
