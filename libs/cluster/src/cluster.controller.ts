import { Controller, Get, Query } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Cluster, clusterSchema, type Owner, ownerQuerySchema, ownerSchema } from '@syncline/contracts';
import { Membership } from './membership.js';
import { CLUSTER_CHANGED } from './membership.rules.js';

@ApiTags('cluster')
@Controller({ path: 'cluster', version: '1' })
export class ClusterController {
  constructor(private readonly membership: Membership) {}

  @Get()
  @ApiOperation({ summary: 'The nodes of this role, as Redis has them now' })
  @ApiOkResponse({ standardSchema: clusterSchema })
  cluster(): Promise<Cluster> {
    return this.membership.describe();
  }

  @Get('owner')
  @ApiOperation({ summary: 'The node that runs the timers of a key' })
  @ApiOkResponse({ standardSchema: ownerSchema })
  owner(@Query({ schema: ownerQuerySchema }) { key }: { key: string }): Owner {
    return { key, nodeId: this.membership.owner(key) };
  }

  @EventPattern(CLUSTER_CHANGED)
  onChanged(_change: unknown): void {
    void this.membership.beat();
  }
}
