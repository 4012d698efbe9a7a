import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { resourceName } from '../redis/lease.keys.js';
import { LeasesStore } from '../redis/leases.store.js';
import { Heartbeat } from './heartbeat.js';

/** A script left word for a request of this node. Lost hints are made up for by the next beat. */
@Controller()
export class GrantsListener {
  constructor(
    private readonly store: LeasesStore,
    private readonly heartbeat: Heartbeat,
  ) {}

  @EventPattern('lock.granted')
  onGranted(@Payload() hint: { run: string; id: string }): void {
    // Not for this process, but for an earlier one of the same name.
    if (hint.run !== this.store.run) return;
    const [key = ''] = hint.id.slice(37).split(',', 1);
    void this.heartbeat.heed(this.store.shards.of(resourceName(key)), hint.id);
  }
}
