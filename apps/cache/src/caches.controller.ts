import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CachesService, EntriesService, instantOf } from '@syncline/caches';
import {
  type Cache,
  type CacheConfig,
  type Caches,
  cacheConfigSchema,
  cacheSchema,
  cachesSchema,
  type DeleteCacheQuery,
  deleteCacheQuerySchema,
  type Entries,
  entriesSchema,
  type InvalidateBody,
  type Invalidated,
  invalidateBodySchema,
  invalidatedSchema,
  type ListCachesQuery,
  type ListEntriesQuery,
  listCachesQuerySchema,
  listEntriesQuerySchema,
  nameSchema,
} from '@syncline/contracts';
import { CalledBy, type Caller, Does, JUDGED_BY_HANDLER } from '@syncline/http';

@ApiTags('caches')
@Controller({ path: 'caches', version: '1' })
export class CachesController {
  constructor(
    private readonly caches: CachesService,
    private readonly entries: EntriesService,
  ) {}

  @Get()
  @Does('read', JUDGED_BY_HANDLER)
  @ApiOperation({ summary: 'List the caches that were ever written to or configured' })
  @ApiOkResponse({ standardSchema: cachesSchema })
  list(
    @Query({ schema: listCachesQuerySchema }) query: ListCachesQuery,
    @CalledBy() caller: Caller,
  ): Promise<Caches> {
    return caller.page('caches', query, (part) => this.caches.list(part));
  }

  @Get(':cache')
  @Does('read', ':cache')
  @ApiOperation({ summary: 'Show the configuration and the statistics of a cache' })
  @ApiOkResponse({ standardSchema: cacheSchema })
  describe(@Param('cache', { schema: nameSchema }) cache: string): Promise<Cache> {
    return this.caches.describe(cache);
  }

  @Put(':cache')
  @Does('configure', ':cache')
  @ApiOperation({ summary: 'Configure a cache: what is not given gets its default' })
  @ApiOkResponse({ standardSchema: cacheSchema })
  configure(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: cacheConfigSchema }) config: CacheConfig,
  ): Promise<Cache> {
    return this.caches.configure(cache, config);
  }

  @Delete(':cache')
  @Does('purge', ':cache')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Remove all entries at once; the configuration stays, unless the cache is dropped as a whole',
  })
  @ApiNoContentResponse({ description: 'The cache is empty, or is no more' })
  flush(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Query({ schema: deleteCacheQuerySchema }) { drop }: DeleteCacheQuery,
  ): Promise<void> {
    return this.caches.remove(cache, drop);
  }

  @Get(':cache/entries')
  @Does('read', ':cache')
  @ApiOperation({
    summary: 'List entries without their values, in no order',
    description:
      'What is there from the first page to the last is listed. A page may be short, or even empty: the end is where `cursor` is null.',
  })
  @ApiOkResponse({ standardSchema: entriesSchema })
  async listEntries(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Query({ schema: listEntriesQuerySchema }) { prefix, cursor, limit }: ListEntriesQuery,
  ): Promise<Entries> {
    const page = await this.entries.list(cache, prefix, cursor, limit);
    return {
      entries: page.entries.map((entry) => ({ ...entry, expiresAt: instantOf(entry.expiresAt) })),
      cursor: page.cursor,
    };
  }

  @Post(':cache/invalidate')
  @Does('write', ':cache')
  @HttpCode(200)
  @ApiOperation({ summary: 'Invalidate entries by tag or by prefix, in constant time' })
  @ApiOkResponse({ standardSchema: invalidatedSchema })
  invalidate(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: invalidateBodySchema }) body: InvalidateBody,
  ): Promise<Invalidated> {
    return this.caches.invalidate(cache, body);
  }
}
