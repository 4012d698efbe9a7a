import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type Cache,
  type CacheConfig,
  type Caches,
  cacheConfigSchema,
  cacheSchema,
  cachesSchema,
  type DeletedEntries,
  deletedEntriesSchema,
  type InvalidateBody,
  type Invalidated,
  invalidateBodySchema,
  invalidatedSchema,
  type KeysBody,
  keysBodySchema,
  type ListCachesQuery,
  listCachesQuerySchema,
  type NewEntries,
  nameSchema,
  newEntriesSchema,
  Problem,
  type ReadEntries,
  readEntriesSchema,
  toInstant,
  type WrittenEntries,
  writtenEntriesSchema,
} from '@syncline/contracts';
import { Requires } from '@syncline/http';
import { CachesService } from './caches.service.js';
import { decode, encode } from './encoding.js';
import { EntriesService } from './entries.service.js';
import { UNCONDITIONAL } from './entry.js';

@ApiTags('caches')
@Controller({ path: 'caches', version: '1' })
export class CachesController {
  constructor(
    private readonly caches: CachesService,
    private readonly entries: EntriesService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The caches that were ever written to or configured' })
  @ApiOkResponse({ standardSchema: cachesSchema })
  list(@Query({ schema: listCachesQuerySchema }) { cursor, limit }: ListCachesQuery): Promise<Caches> {
    return this.caches.list(cursor, limit);
  }

  @Get(':cache')
  @ApiOperation({ summary: 'Configuration and statistics of a cache' })
  @ApiOkResponse({ standardSchema: cacheSchema })
  describe(@Param('cache', { schema: nameSchema }) cache: string): Promise<Cache> {
    return this.caches.describe(cache);
  }

  @Put(':cache')
  @ApiOperation({ summary: 'Configure a cache: what is not given gets its default' })
  @ApiOkResponse({ standardSchema: cacheSchema })
  configure(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: cacheConfigSchema }) config: CacheConfig,
  ): Promise<Cache> {
    return this.caches.configure(cache, config);
  }

  @Delete(':cache')
  @HttpCode(204)
  @ApiOperation({ summary: 'Flush: remove all entries at once; the configuration stays' })
  @ApiNoContentResponse({ description: 'The cache is empty' })
  flush(@Param('cache', { schema: nameSchema }) cache: string): Promise<void> {
    return this.caches.flush(cache);
  }

  @Post(':cache/invalidate')
  @HttpCode(200)
  @ApiOperation({ summary: 'Invalidate entries by tag or by prefix, in constant time' })
  @ApiOkResponse({ standardSchema: invalidatedSchema })
  async invalidate(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: invalidateBodySchema }) { tags, prefix }: InvalidateBody,
  ): Promise<Invalidated> {
    const invalidated =
      prefix === undefined
        ? await this.caches.invalidateTags(cache, tags ?? [])
        : await this.caches.invalidatePrefix(cache, prefix);
    return { invalidated };
  }

  @Post(':cache/mget')
  @Requires('read')
  @HttpCode(200)
  @ApiOperation({ summary: 'Read many entries in one round' })
  @ApiOkResponse({ standardSchema: readEntriesSchema })
  async mget(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: keysBodySchema }) { keys }: KeysBody,
  ): Promise<ReadEntries> {
    const entries = await Promise.all(
      keys.map(async (key) => {
        const { entry } = await this.entries.get(cache, key, false);
        if (entry === null) return { key, found: false };
        const { contentType, version, expiresAt } = entry;
        return { key, found: true, ...encode(entry), contentType, version, expiresAt: instantOf(expiresAt) };
      }),
    );
    return { entries };
  }

  @Post(':cache/mset')
  @HttpCode(200)
  @ApiOperation({ summary: 'Store many entries in one round, each on its own' })
  @ApiOkResponse({ standardSchema: writtenEntriesSchema })
  async mset(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: newEntriesSchema }) { entries }: NewEntries,
  ): Promise<WrittenEntries> {
    const results = await Promise.all(
      entries.map(async (entry) => {
        const { key, ttlMs, staleMs, tags } = entry;
        try {
          const put = { ...decode(entry), ttlMs, staleMs, tags };
          const { created, version, expiresAt } = await this.entries.put(cache, key, put, UNCONDITIONAL);
          const status = created ? ('created' as const) : ('replaced' as const);
          return { key, status, version, expiresAt: instantOf(expiresAt) };
        } catch (error) {
          if (!(error instanceof Problem) || error.status >= 500) throw error;
          return { key, status: 'refused' as const, code: error.code, detail: error.detail };
        }
      }),
    );
    return { results };
  }

  @Post(':cache/mdelete')
  @HttpCode(200)
  @ApiOperation({ summary: 'Remove many entries in one round' })
  @ApiOkResponse({ standardSchema: deletedEntriesSchema })
  async mdelete(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: keysBodySchema }) { keys }: KeysBody,
  ): Promise<DeletedEntries> {
    const results = await Promise.all(
      keys.map(async (key) => {
        const deleted = await this.entries.delete(cache, key, '');
        return { key, status: deleted ? ('deleted' as const) : ('absent' as const) };
      }),
    );
    return { results };
  }
}

const instantOf = (ms: number | null) => (ms === null ? null : toInstant(ms));
