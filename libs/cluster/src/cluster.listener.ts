import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { Membership } from './membership.js';
import { CLUSTER_CHANGED } from './membership.rules.js';

/** Listens for changes of the membership. If a hint is lost, the next heartbeat finds the change. */
@Controller()
export class ClusterListener {
  constructor(private readonly membership: Membership) {}

  @EventPattern(CLUSTER_CHANGED)
  onChanged(_change: unknown): void {
    void this.membership.beat();
  }
}
