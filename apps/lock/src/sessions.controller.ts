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
  type Session,
  type SessionDetails,
  type Sessions,
  sessionDetailsSchema,
  sessionSchema,
  sessionsSchema,
} from '@syncline/contracts';
import { ApiProblems } from '@syncline/http';
import { SessionsService } from '@syncline/locks';
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
  constructor(private readonly sessions: SessionsService) {}

  @Post()
  @ApiOperation({ summary: 'Open a session' })
  @ApiCreatedResponse({ standardSchema: sessionSchema })
  createSession(@Body({ schema: createSessionSchema }) body: CreateSession): Promise<Session> {
    return this.sessions.create(body);
  }

  @Get()
  @ApiOperation({
    summary: 'List sessions, in no order',
    description:
      'What is there from the first page to the last is listed. The end is where `cursor` is null.',
  })
  @ApiOkResponse({ standardSchema: sessionsSchema })
  listSessions(@Query({ schema: listSessionsSchema }) query: ListSessions): Promise<Sessions> {
    return this.sessions.list(query);
  }

  @Post(':id/keepalive')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Keep a session alive, and every lease in it',
    description:
      'Tells how many leases it holds, and which were taken away from it: each for twice the `ttlMs` of the session, at most ' +
      'the 1,000 newest.',
  })
  @ApiOkResponse({ standardSchema: keptSessionSchema })
  @ApiProblems('lease-lost')
  keepSession(@Param('id', { schema: idSchema }) sessionId: string): Promise<KeptSession> {
    return this.sessions.keep(sessionId);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Describe a session and its leases' })
  @ApiOkResponse({ standardSchema: sessionDetailsSchema })
  @ApiProblems('not-found')
  describeSession(@Param('id', { schema: idSchema }) sessionId: string): Promise<SessionDetails> {
    return this.sessions.describe(sessionId);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'End a session and release its leases' })
  @ApiNoContentResponse()
  @ApiProblems('not-found')
  endSession(@Param('id', { schema: idSchema }) sessionId: string): Promise<void> {
    return this.sessions.end(sessionId);
  }
}
