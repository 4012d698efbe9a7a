import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Put,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import {
  type Counter,
  cacheKeySchema,
  counterSchema,
  type FillBody,
  type FillResult,
  fillBodySchema,
  fillResultSchema,
  type IncrementBody,
  incrementBodySchema,
  nameSchema,
  type PutEntryQuery,
  putEntryQuerySchema,
  type StoredEntry,
  storedEntrySchema,
  toInstant,
} from '@syncline/contracts';
import { ApiProblems, HangUp, type HangUpSignal, TakesBytes } from '@syncline/http';
import type { Request, Response } from 'express';
import { encode } from './encoding.js';
import { EntryNotFound } from './entries.errors.js';
import { EntriesService } from './entries.service.js';
import type { Found, Written } from './entry.js';
import { etagOf, names, versionsIn } from './etag.js';
import { FillsService } from './fills.service.js';

const DEFAULT_CONTENT_TYPE = 'application/octet-stream';
/** A request id that is safe to remember; others count as none. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;
const BYTES = { schema: { type: 'string', format: 'binary' } } as const;
@ApiTags('entries')
@Controller({ path: 'caches/:cache/entries/:key', version: '1' })
export class EntriesController {
  constructor(
    private readonly entries: EntriesService,
    private readonly fills: FillsService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Read an entry: its bytes, with the content type they were stored with' })
  @ApiHeader({ name: 'If-None-Match', required: false, description: 'ETags that the caller already has' })
  @ApiHeader({ name: 'Cache-Control', required: false, description: '`no-cache`: ask Redis' })
  @ApiProduces('*/*')
  @ApiOkResponse({
    ...BYTES,
    description: 'The bytes as they were stored',
    headers: {
      ETag: { description: 'The version, in quotes', schema: { type: 'string' } },
      Age: { description: 'Seconds since it was stored', schema: { type: 'integer' } },
      'X-Cache': {
        description: 'Where it came from',
        schema: { type: 'string', enum: ['near', 'store', 'stale'] },
      },
    },
  })
  @ApiResponse({ status: 304, description: 'The caller has this version' })
  @ApiProblems('not-found')
  async get(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: cacheKeySchema }) key: string,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Headers('cache-control') cacheControl: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const known = versionsIn('If-None-Match', ifNoneMatch, false);
    const fresh = cacheControl !== undefined && /\bno-(?:cache|store)\b/i.test(cacheControl);
    send(await this.entries.get(cache, key, fresh), known, response);
  }

  @Put()
  @TakesBytes()
  @ApiOperation({ summary: 'Store an entry: any bytes, stored as they come' })
  @ApiConsumes('*/*')
  @ApiBody({ schema: { type: 'string', format: 'binary', example: '{"name":"Ada"}' } })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'Only when the entry has one of these versions',
  })
  @ApiHeader({ name: 'If-None-Match', required: false, description: '`*`: only when there is no entry yet' })
  @ApiHeader({ name: 'X-Fill-Lease', required: false, description: 'Only while this fill lease is in force' })
  @ApiCreatedResponse({ standardSchema: storedEntrySchema, description: 'There was no entry before' })
  @ApiOkResponse({ standardSchema: storedEntrySchema, description: 'Replaced the entry' })
  @ApiProblems('version-mismatch', 'payload-too-large')
  async put(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: cacheKeySchema }) key: string,
    @Query({ schema: putEntryQuerySchema }) query: PutEntryQuery,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StoredEntry> {
    const { headers } = request;
    const bytes: Buffer = request.body;
    const written = await this.entries.put(
      cache,
      key,
      {
        bytes,
        contentType: headers['content-type'] ?? DEFAULT_CONTENT_TYPE,
        ttlMs: query.ttlMs,
        staleMs: query.staleMs,
        tags: query.tags?.split(','),
      },
      {
        ifMatch: versionsIn('If-Match', headers['if-match'], true),
        ifNoneMatch: versionsIn('If-None-Match', headers['if-none-match'], false),
        fillLease: request.get('x-fill-lease') ?? '',
      },
    );
    response.status(written.created ? 201 : 200).setHeader('ETag', etagOf(written.version));
    return toStoredEntry(written);
  }

  @Post('fill')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Get the value, or the right to compute it: one caller in the cluster, the others wait',
  })
  @ApiOkResponse({ standardSchema: fillResultSchema })
  @ApiProblems('wait-timeout')
  async fill(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: cacheKeySchema }) key: string,
    @Body({ schema: fillBodySchema }) body: FillBody,
    @HangUp() hangUp: HangUpSignal,
  ): Promise<FillResult> {
    const { entry, fillLease } = await this.fills.fill(cache, key, body, hangUp);
    const lease = fillLease === null ? {} : { fillLease };
    if (entry === null) return { status: 'lease', ...lease };
    const { contentType, version, expiresAt, stale } = entry;
    const instant = expiresAt === null ? null : toInstant(expiresAt);
    const status = stale ? 'stale' : 'hit';
    return { status, ...encode(entry), contentType, version, expiresAt: instant, ...lease };
  }

  @Post('increment')
  @HttpCode(200)
  @ApiOperation({ summary: 'Add to a counter; the same X-Request-Id again, within a minute, adds nothing' })
  @ApiOkResponse({ standardSchema: counterSchema })
  @ApiProblems('not-an-integer')
  increment(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: cacheKeySchema }) key: string,
    @Body({ schema: incrementBodySchema }) { by, ttlMs }: IncrementBody,
    @Headers('x-request-id') requestId: string | undefined,
  ): Promise<Counter> {
    const id = requestId !== undefined && REQUEST_ID.test(requestId) ? requestId : undefined;
    return this.entries.increment(cache, key, by, ttlMs, id);
  }

  @Delete()
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove an entry' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'Only when the entry has one of these versions',
  })
  @ApiNoContentResponse({ description: 'There is no such entry now' })
  @ApiProblems('version-mismatch')
  async delete(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: cacheKeySchema }) key: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    await this.entries.delete(cache, key, versionsIn('If-Match', ifMatch, true));
  }
}

const toStoredEntry = ({ version, expiresAt }: Written): StoredEntry => ({
  version,
  expiresAt: expiresAt === null ? null : toInstant(expiresAt),
});

/** Answers with an entry. Not by Express' `send`: it would add a charset to the content type. */
function send({ source, entry }: Found, known: string, response: Response): void {
  response.setHeader('Cache-Status', `syncline; ${source === 'near' ? 'hit' : 'fwd=miss'}`);
  response.setHeader('X-Cache', entry?.stale ? 'stale' : source);
  if (entry === null) throw new EntryNotFound();
  response.setHeader('ETag', etagOf(entry.version));
  response.setHeader('Age', Math.floor(entry.ageMs / 1_000));
  if (known !== '' && names(known, entry.version)) {
    response.statusCode = 304;
    response.end();
    return;
  }
  response.setHeader('Content-Type', entry.contentType);
  response.setHeader('Content-Length', entry.bytes.length);
  response.end(entry.bytes);
}
