import { Injectable } from '@nestjs/common';
import { EventWatches, type Watcher } from '@syncline/cluster';
import { resourceKey } from '../lease/resource.js';
import { EventsStore } from '../redis/events.store.js';
import type { LeaseEvent } from '../redis/scripts/events.js';

/** The watchers of locks on this node. */
@Injectable()
export class Watches extends EventWatches<LeaseEvent> {
  constructor(store: EventsStore) {
    super((resources) => store.read(resources));
  }

  /** Watches a lock, see {@link EventWatches.follow}. */
  watch(name: string, after: string | null, watcher: Watcher<LeaseEvent>) {
    return this.follow(resourceKey('lock', name), after, watcher);
  }
}
