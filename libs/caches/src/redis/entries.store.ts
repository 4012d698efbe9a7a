import { Injectable } from '@nestjs/common';
import { isRefused, SeenNumbers } from '@syncline/redis';
import { Instances } from './instances.js';
import { fill, listEntries, peek, type ReadRequest, versionOf } from './scripts/entry.commands.js';
import type { ReadReply } from './scripts/read-reply.js';
import { Shards } from './shards.js';

/** Entries in Redis, for reading. */
@Injectable()
export class EntriesStore {
  private readonly fillIn;
  private readonly peek;
  readonly versionOf;
  readonly list;

  constructor(
    instances: Instances,
    private readonly shards: Shards,
    private readonly versions: SeenNumbers,
  ) {
    this.fillIn = instances.ofEntry(fill);
    this.peek = instances.ofEntry(peek);
    this.versionOf = instances.ofEntry(versionOf);
    this.list = instances.ofPart(listEntries);
  }

  /** Reads an entry for a near cache. A Redis that takes no writes now tells it, but nobody may hold it. */
  async fill(cache: string, request: ReadRequest): Promise<ReadReply> {
    try {
      const reply = await this.fillIn(cache, request);
      this.versions.see(this.shards.of(cache, request.key).index, reply.entry?.version);
      return reply;
    } catch (error) {
      if (!isRefused(error)) throw error;
      return (await this.peek(cache, request)).read;
    }
  }
}
