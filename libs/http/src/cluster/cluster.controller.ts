import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Membership } from '@syncline/cluster';
import { type Cluster, clusterSchema, type Owner, ownerQuerySchema, ownerSchema } from '@syncline/contracts';
import { Does, NO_NAME } from '../access/does.decorator.js';

@ApiTags('cluster')
@Controller({ path: 'cluster', version: '1' })
export class ClusterController {
  constructor(private readonly membership: Membership) {}

  @Get()
  @Does('read', NO_NAME)
  @ApiOperation({ summary: 'List the nodes of this role' })
  @ApiOkResponse({ standardSchema: clusterSchema })
  cluster(): Promise<Cluster> {
    return this.membership.describe();
  }

  @Get('owner')
  @Does('read', NO_NAME)
  @ApiOperation({
    summary: 'Get the owner of a key on the hash ring',
    description:
      'The owner of a queue runs its timers; the owner of a cache sweeps it. Locks have no owner: any node serves them alike.',
  })
  @ApiOkResponse({ standardSchema: ownerSchema })
  owner(@Query({ schema: ownerQuerySchema }) { key }: { key: string }): Owner {
    return { key, nodeId: this.membership.owner(key) };
  }
}
