import { Injectable } from '@nestjs/common';
import { RedisLife } from './redis-life.js';
import { fill, versionOf } from './scripts/entry.scripts.js';

/** Entries in Redis, for reading. */
@Injectable()
export class EntriesStore {
  readonly fill;
  readonly versionOf;

  constructor(life: RedisLife) {
    this.fill = life.ofCache(fill);
    this.versionOf = life.ofCache(versionOf);
  }
}
