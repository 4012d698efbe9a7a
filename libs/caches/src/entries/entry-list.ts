import { Injectable } from '@nestjs/common';
import { FIRST_PAGE, fromCursor, type PageStart, toCursor } from '@syncline/redis';
import { EntriesStore } from '../redis/entries.store.js';
import { Shards } from '../redis/shards.js';
import type { ListedEntry } from './entry.js';

/** A page of a cache that has several parts begins in one of them. */
interface Start {
  /** Number of it. */
  readonly part: number;
  readonly from: PageStart;
}

const IN_PART = /^(\d{1,2})-(.*)$/;

/** Lists the entries of a cache, part by part. */
@Injectable()
export class EntryList {
  constructor(
    private readonly store: EntriesStore,
    private readonly shards: Shards,
  ) {}

  /**
   * Lists entries in no order, whole pages or not: each that is there all the while, some perhaps twice.
   *
   * @param cursor of the page before
   * @throws ValidationFailed of a cursor that is none
   */
  async page(
    cache: string,
    prefix: string,
    cursor: string | undefined,
    limit: number,
  ): Promise<{ entries: ListedEntry[]; cursor: string | null }> {
    const parts = this.shards.partsOf(cache);
    const entries: ListedEntry[] = [];
    let { part, from } = this.startAt(cursor);
    for (const of of parts.slice(part)) {
      const page = await this.store.list(of, { prefix, limit: limit - entries.length, ...from });
      entries.push(...page.entries);
      if (page.next !== null) return { entries, cursor: this.cursorOf({ part, from: page.next }) };
      part += 1;
      from = FIRST_PAGE;
      if (entries.length >= limit) break;
    }
    return { entries, cursor: part < parts.length ? this.cursorOf({ part, from }) : null };
  }

  private startAt(cursor: string | undefined): Start {
    if (cursor === undefined) return { part: 0, from: FIRST_PAGE };
    if (this.shards.all.length === 1) return { part: 0, from: fromCursor(cursor) };
    const [, part, inPart = ''] = IN_PART.exec(cursor) ?? [];
    return { part: Number(part), from: fromCursor(inPart) };
  }

  private cursorOf({ part, from }: Start): string {
    const inPart = toCursor(from);
    return this.shards.all.length === 1 ? inPart : `${part}-${inPart}`;
  }
}
