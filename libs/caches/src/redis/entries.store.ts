import { Injectable } from '@nestjs/common';
import { isRefused, SeenNumbers } from '@syncline/redis';
import { RedisInstance } from './redis-instance.js';
import { fill, peek, type ReadRequest, versionOf } from './scripts/entry.commands.js';
import type { ReadReply } from './scripts/read-reply.js';

/** Entries in Redis, for reading. */
@Injectable()
export class EntriesStore {
  private readonly fillIn;
  private readonly peek;
  readonly versionOf;

  constructor(
    instance: RedisInstance,
    private readonly versions: SeenNumbers,
  ) {
    this.fillIn = instance.ofCache(fill);
    this.peek = instance.ofCache(peek);
    this.versionOf = instance.ofCache(versionOf);
  }

  /** Reads an entry for a near cache. A Redis that takes no writes now tells it, but nobody may hold it. */
  async fill(cache: string, request: ReadRequest): Promise<ReadReply> {
    try {
      const reply = await this.fillIn(cache, request);
      this.versions.see(0, reply.entry?.version);
      return reply;
    } catch (error) {
      if (!isRefused(error)) throw error;
      return (await this.peek(cache, request)).read;
    }
  }
}
