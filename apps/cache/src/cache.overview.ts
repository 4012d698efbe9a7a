import { Injectable } from '@nestjs/common';
import { CachesService } from '@syncline/caches';
import { cachesSchema } from '@syncline/contracts';
import { type Caller, type Overview } from '@syncline/http';

const MOST_CACHES = 200;

/** What the console shows first of caches. */
@Injectable()
export class CacheOverview implements Overview {
  constructor(private readonly caches: CachesService) {}

  async read(caller: Caller): Promise<object> {
    const page = await caller.page('caches', { limit: MOST_CACHES }, (part) => this.caches.list(part));
    return caller.shown(cachesSchema, page);
  }
}
