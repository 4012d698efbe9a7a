import type { IncomingHttpHeaders } from 'node:http';
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
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { Found, Life } from '@syncline/caches';
import {
  type Content,
  contentOf,
  contentTextOf,
  EntriesService,
  EntryNotFound,
  instantOf,
} from '@syncline/caches';
import {
  type Counter,
  contentEncodingSchema,
  counterSchema,
  type IncrementBody,
  incrementBodySchema,
  nameSchema,
  type PutEntryQuery,
  pathKeySchema,
  putEntryQuerySchema,
  type StoredEntry,
  storedEntrySchema,
  type TouchBody,
  touchBodySchema,
  ValidationFailed,
} from '@syncline/contracts';
import { ApiProblems, Does, MAX_BODY_BYTES, TakesBytes, TakesUpTo } from '@syncline/http';
import type { Request, Response } from 'express';
import { etagOf, names, versionsIn } from './etag.js';

const DEFAULT_CONTENT_TYPE = 'application/octet-stream';
const MAX_CONTENT_TYPE = 256;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,128}$/;
const BYTES = { schema: { type: 'string', format: 'binary' } } as const;
@ApiTags('entries')
@Controller({ path: 'caches/:cache/entries/:key', version: '1' })
export class EntriesController {
  constructor(private readonly entries: EntriesService) {}

  @Get()
  @Does('read', ':cache')
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
    @Param('key', { schema: pathKeySchema }) key: string,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Headers('cache-control') cacheControl: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const known = versionsIn('If-None-Match', ifNoneMatch, false);
    const fresh = cacheControl !== undefined && /\bno-(?:cache|store)\b/i.test(cacheControl);
    send(await this.entries.get(cache, key, fresh), known, response);
  }

  @Put()
  @Does('write', ':cache')
  @TakesUpTo(MAX_BODY_BYTES)
  @TakesBytes()
  @ApiOperation({
    summary: 'Store an entry: any bytes, stored as they come',
    requestBody: {
      // Text and JSON can be typed into Swagger UI; for other bytes it asks for a file.
      content: {
        'text/plain': { schema: { type: 'string' }, example: 'Ada' },
        'application/json': { schema: {}, example: { name: 'Ada' } },
        '*/*': { schema: { type: 'string', format: 'binary' } },
      },
    },
  })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'Only when the entry has one of these versions',
  })
  @ApiHeader({ name: 'If-None-Match', required: false, description: '`*`: only when there is no entry yet' })
  @ApiHeader({
    name: 'Content-Encoding',
    required: false,
    description: 'Kept with the bytes, which stay compressed',
  })
  @ApiHeader({ name: 'X-Fill-Lease', required: false, description: 'Only while this fill lease is in force' })
  @ApiCreatedResponse({ standardSchema: storedEntrySchema, description: 'There was no entry before' })
  @ApiOkResponse({ standardSchema: storedEntrySchema, description: 'Replaced the entry' })
  @ApiProblems('version-mismatch', 'payload-too-large')
  async put(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: pathKeySchema }) key: string,
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
        contentType: contentTextOf(contentIn(headers)),
        ttlMs: query.ttlMs,
        staleMs: query.staleMs,
        tags: query.tags?.split(','),
      },
      {
        ifMatch: versionsIn('If-Match', headers['if-match'], true),
        ifNoneMatch: versionsIn('If-None-Match', headers['if-none-match'], false),
        fillLease: fillLeaseIn(headers['x-fill-lease']),
      },
    );
    response.status(written.created ? 201 : 200).setHeader('ETag', etagOf(written.version));
    return toStoredEntry(written);
  }

  @Post('increment')
  @Does('read', ':cache')
  @Does('write', ':cache')
  @HttpCode(200)
  @ApiOperation({ summary: 'Add to a counter' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description:
      'Chosen by the caller: the same one again for this key, within a minute, adds nothing and answers the same',
  })
  @ApiOkResponse({ standardSchema: counterSchema })
  @ApiProblems('not-an-integer')
  increment(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: pathKeySchema }) key: string,
    @Body({ schema: incrementBodySchema }) { by, ttlMs }: IncrementBody,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
  ): Promise<Counter> {
    if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey)) {
      throw refused('Idempotency-Key', 'expected 1 to 128 visible ASCII characters');
    }
    return this.entries.increment(cache, key, by, ttlMs, idempotencyKey);
  }

  @Post('touch')
  @Does('write', ':cache')
  @HttpCode(200)
  @ApiOperation({ summary: 'Give an entry another TTL, from now on: its bytes and its version stay' })
  @ApiOkResponse({ standardSchema: storedEntrySchema })
  @ApiProblems('not-found')
  async touch(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: pathKeySchema }) key: string,
    @Body({ schema: touchBodySchema }) { ttlMs }: TouchBody,
  ): Promise<StoredEntry> {
    return toStoredEntry(await this.entries.touch(cache, key, ttlMs));
  }

  @Delete()
  @Does('write', ':cache')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove an entry' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'Only when the entry has one of these versions',
  })
  @ApiHeader({
    name: 'If-None-Match',
    required: false,
    description: 'Only when the entry has none of these versions',
  })
  @ApiNoContentResponse({ description: 'There is no such entry now' })
  @ApiProblems('version-mismatch')
  async delete(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: pathKeySchema }) key: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
  ): Promise<void> {
    await this.entries.delete(cache, key, {
      ifMatch: versionsIn('If-Match', ifMatch, true),
      ifNoneMatch: versionsIn('If-None-Match', ifNoneMatch, false),
    });
  }
}

const toStoredEntry = ({ version, expiresAt }: Life): StoredEntry => ({
  version,
  expiresAt: instantOf(expiresAt),
});

const refused = (path: string, message: string) => new ValidationFailed([{ path, message }]);

/** An empty header is a caller that lost its lease, not one that wants none. */
function fillLeaseIn(header: string | string[] | undefined): string {
  if (header === undefined) return '';
  if (header === '') throw refused('X-Fill-Lease', 'expected a fill lease');
  return String(header);
}

function contentIn(headers: IncomingHttpHeaders): Content {
  const { 'content-type': contentType = DEFAULT_CONTENT_TYPE, 'content-encoding': contentEncoding } = headers;
  if (contentType.length > MAX_CONTENT_TYPE) {
    throw refused('Content-Type', `expected at most ${MAX_CONTENT_TYPE} characters`);
  }
  if (contentEncoding !== undefined && !contentEncodingSchema.safeParse(contentEncoding).success) {
    throw refused('Content-Encoding', 'expected encodings such as gzip');
  }
  return { contentType, contentEncoding };
}

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
  const { contentType, contentEncoding } = contentOf(entry.contentType);
  response.setHeader('Content-Type', contentType);
  // Whatever was stored: a browser that opens it runs nothing of it in the name of this node.
  response.setHeader('Content-Security-Policy', 'sandbox');
  if (contentEncoding !== undefined) response.setHeader('Content-Encoding', contentEncoding);
  response.setHeader('Content-Length', entry.bytes.length);
  response.end(entry.bytes);
}
