import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Membership } from '@syncline/cluster';
import { type Cluster, clusterSchema, type Owner, ownerQuerySchema, ownerSchema } from '@syncline/contracts';

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
}
