import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { Membership } from '@syncline/cluster';

/** Terminus indicator: up while this node is a member of its cluster. Lists the configured peers that are missing. */
@Injectable()
export class ClusterHealth {
  constructor(
    private readonly membership: Membership,
    private readonly indicator: HealthIndicatorService,
  ) {}

  check(): HealthIndicatorResult<'cluster'> {
    const check = this.indicator.check('cluster');
    const { obstacle, missingPeers, nodeIds } = this.membership;
    if (obstacle !== null) return check.down({ message: obstacle });
    return check.up({ members: nodeIds.length, missingPeers });
  }
}
