import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { WaitsStore } from '../redis/waits.store.js';
import { Waits } from './waits.js';

/** A script recorded an outcome for a request of this node. Lost hints are made up for by the next heartbeat. */
@Controller()
export class GrantsListener {
  constructor(
    private readonly store: WaitsStore,
    private readonly waits: Waits,
  ) {}

  @EventPattern('lock.granted')
  onGranted(@Payload() { run, id }: { run: string; id: string }): void {
    // Else it is for an earlier process with the same node id.
    if (run === this.store.processId) void this.waits.collectOutcome(this.store.shardOf(id), id);
  }
}
