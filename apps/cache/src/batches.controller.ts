import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { BatchReader, decode, EntriesService, encode, instantOf, UNCONDITIONAL } from '@syncline/caches';
import {
  type DeletedEntries,
  deletedEntriesSchema,
  IllFormed,
  type KeysBody,
  keysBodySchema,
  type NewEntries,
  nameSchema,
  newEntriesSchema,
  Problem,
  type ReadBody,
  type ReadEntries,
  readBodySchema,
  readEntriesSchema,
  type WrittenEntries,
  writtenEntriesSchema,
} from '@syncline/contracts';
import { ApiProblems, Requires } from '@syncline/http';
import { AnswerBudget } from './answer-budget.js';
import { each } from './batch.js';

const JUDGED =
  'Each is judged by itself: one that is refused has its HTTP `status` and its `problem` in its place.';

/** Many entries in one call. */
@ApiTags('caches')
@Controller({ path: 'caches/:cache', version: '1' })
export class BatchesController {
  constructor(
    private readonly reader: BatchReader,
    private readonly entries: EntriesService,
  ) {}

  @Post('mget')
  @Requires('read')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Read many entries in one round',
    description: `${JUDGED} An answer has at most 8 MiB: \`truncated\` names the keys whose entries did not fit.`,
  })
  @ApiOkResponse({ standardSchema: readEntriesSchema })
  async mget(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: readBodySchema }) { keys, as }: ReadBody,
  ): Promise<ReadEntries> {
    const wellFormed = keys.filter((key): key is string => !(key instanceof IllFormed));
    const read = await this.reader.read(cache, [...new Set(wellFormed)]);
    const budget = new AnswerBudget();
    const answers = await each(keys, pathOf(cache, 'mget'), async (key) => {
      const found = read.get(key);
      if (found instanceof Problem) throw found;
      if (found?.entry === null) return { key, found: false };
      const value = found && encode(found.entry, as);
      const fits = value !== undefined && budget.takes(found?.entry.bytes.length ?? 0, value);
      return fits ? { key, found: true, ...value } : { truncated: key };
    });
    const truncated = answers.flatMap((answer) => ('truncated' in answer ? [answer.truncated] : []));
    const entries = answers.flatMap((answer) => ('truncated' in answer ? [] : [answer]));
    return { entries, ...(truncated.length > 0 && { truncated: [...new Set(truncated)] }) };
  }

  @Post('mset')
  @HttpCode(200)
  @ApiOperation({ summary: 'Store many entries in one round', description: JUDGED })
  @ApiOkResponse({ standardSchema: writtenEntriesSchema })
  @ApiProblems('payload-too-large')
  async mset(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: newEntriesSchema }) { entries }: NewEntries,
  ): Promise<WrittenEntries> {
    const results = await each(entries, pathOf(cache, 'mset'), async (entry) => {
      const { key, ttlMs, staleMs, tags } = entry;
      const put = { ...decode(entry), ttlMs, staleMs, tags };
      const { created, version, expiresAt } = await this.entries.put(cache, key, put, UNCONDITIONAL);
      const status = created ? ('created' as const) : ('replaced' as const);
      return { key, status, version, expiresAt: instantOf(expiresAt) };
    });
    return { results };
  }

  @Post('mdelete')
  @HttpCode(200)
  @ApiOperation({ summary: 'Remove many entries in one round', description: JUDGED })
  @ApiOkResponse({ standardSchema: deletedEntriesSchema })
  async mdelete(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: keysBodySchema }) { keys }: KeysBody,
  ): Promise<DeletedEntries> {
    const results = await each(keys, pathOf(cache, 'mdelete'), async (key) => {
      const deleted = await this.entries.delete(cache, key, UNCONDITIONAL);
      return { key, status: deleted ? ('deleted' as const) : ('absent' as const) };
    });
    return { results };
  }
}

const pathOf = (cache: string, verb: string) => `/v1/caches/${encodeURIComponent(cache)}/${verb}`;
