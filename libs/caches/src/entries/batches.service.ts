import { Injectable } from '@nestjs/common';
import {
  answerItems,
  type DeletedEntries,
  IllFormed,
  type Judged,
  type KeysBody,
  type NewEntries,
  Problem,
  type ReadBody,
  type ReadEntries,
  type RefusedItem,
  type WrittenEntries,
} from '@syncline/contracts';
import { AnswerBudget } from './answer-budget.js';
import { BatchReader } from './batch-reader.js';
import { decode, encode, instantOf } from './encoding.js';
import { EntriesService } from './entries.service.js';
import { UNCONDITIONAL } from './entry.js';

/** Reads and writes many entries in one call, each judged by itself. All of them refused: the first refusal is thrown. */
@Injectable()
export class BatchesService {
  constructor(
    private readonly reader: BatchReader,
    private readonly entries: EntriesService,
  ) {}

  async read(cache: string, { keys, as }: ReadBody): Promise<ReadEntries> {
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

  async write(cache: string, { entries }: NewEntries): Promise<WrittenEntries> {
    const results = await each(entries, pathOf(cache, 'mset'), async (entry) => {
      const { key, ttlMs, staleMs, tags } = entry;
      const put = { ...decode(entry), ttlMs, staleMs, tags };
      const { created, version, expiresAt } = await this.entries.put(cache, key, put, UNCONDITIONAL);
      const status = created ? ('created' as const) : ('replaced' as const);
      return { key, status, version, expiresAt: instantOf(expiresAt) };
    });
    return { results };
  }

  async delete(cache: string, { keys }: KeysBody): Promise<DeletedEntries> {
    const results = await each(keys, pathOf(cache, 'mdelete'), async (key) => {
      const deleted = await this.entries.delete(cache, key, UNCONDITIONAL);
      return { key, status: deleted ? ('deleted' as const) : ('absent' as const) };
    });
    return { results };
  }
}

/** What the problem of an item names as the call that it came with. */
const pathOf = (cache: string, verb: string) => `/v1/caches/${encodeURIComponent(cache)}/${verb}`;

/**
 * Does something for each item of a batch: what is refused has its problem in its place, named by its key.
 *
 * @throws Problem the first one, when all items are refused
 */
async function each<Item extends string | { readonly key: string }, Result extends object>(
  items: readonly Judged<Item>[],
  path: string,
  perform: (item: Item) => Promise<Result>,
): Promise<(Result | (RefusedItem & { readonly key: unknown }))[]> {
  const outcomes = await Promise.all(
    items.map(async (item) => {
      if (item instanceof IllFormed) return item;
      try {
        return await perform(item);
      } catch (error) {
        if (error instanceof Problem) return error;
        throw error;
      }
    }),
  );
  return answerItems(outcomes, path, (i) => ({ key: keyOf(items[i]) }));
}

function keyOf(item: unknown): unknown {
  const sent = item instanceof IllFormed ? item.item : item;
  return typeof sent === 'object' && sent !== null && 'key' in sent ? sent.key : sent;
}
