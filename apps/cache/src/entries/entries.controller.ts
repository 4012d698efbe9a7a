import { Controller, Delete, Get, Headers, HttpCode, Param, Put, Query, Req, Res } from '@nestjs/common';
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
  cacheKeySchema,
  nameSchema,
  type PutEntryQuery,
  problemSchema,
  putEntryQuerySchema,
  type StoredEntry,
  storedEntrySchema,
  toInstant,
} from '@syncline/contracts';
import type { Request, Response } from 'express';
import { EntryNotFound } from './entries.errors.js';
import { EntriesService } from './entries.service.js';
import type { Found, Written } from './entry.js';
import { etagOf, names, versionsIn } from './etag.js';

const DEFAULT_CONTENT_TYPE = 'application/octet-stream';
const BYTES = { schema: { type: 'string', format: 'binary' } } as const;
const problem = (status: number, description: string) =>
  ApiResponse({ status, description, standardSchema: problemSchema });

@ApiTags('entries')
@Controller({ path: 'caches/:cache/entries/:key', version: '1' })
export class EntriesController {
  constructor(private readonly entries: EntriesService) {}

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
  @problem(400, 'Bad name, key or header')
  @problem(404, 'There is no such entry')
  @problem(503, 'Redis cannot be reached')
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
  @problem(400, 'Bad name, key, query or header')
  @problem(412, 'A condition is not met: nothing was stored')
  @problem(413, 'The value is too large')
  @problem(503, 'Redis cannot be reached')
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

  @Delete()
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove an entry' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'Only when the entry has one of these versions',
  })
  @ApiNoContentResponse({ description: 'There is no such entry now' })
  @problem(400, 'Bad name, key or header')
  @problem(412, 'The condition is not met: nothing was removed')
  @problem(503, 'Redis cannot be reached')
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
