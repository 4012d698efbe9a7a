import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { Membership } from './membership.js';
import { CLUSTER_CHANGED } from './membership.rules.js';

/** Hears that the membership changed. A hint that is lost is made up for by the next heartbeat. */
@Controller()
export class ClusterListener {
  constructor(private readonly membership: Membership) {}

  @EventPattern(CLUSTER_CHANGED)
  onChanged(_change: unknown): void {
    void this.membership.beat();
  }
}
