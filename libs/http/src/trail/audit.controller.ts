import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Audit, type AuditQuery, auditQuerySchema, auditSchema } from '@syncline/contracts';
import { Does, NO_NAME } from '../access/does.decorator.js';
import { TrailStore } from './trail.store.js';

@ApiTags('node')
@Controller({ path: 'audit', version: '1' })
export class AuditController {
  constructor(private readonly trail: TrailStore) {}

  @Get()
  @Does('admin', NO_NAME)
  @ApiOperation({
    summary: 'List who did what at the nodes of this role: the newest first',
    description:
      'Calls that configure, destroy or take away, and calls that were refused (401, 403, 429). About the last 10,000 are kept; of refusals at most 20 a second and node. The log of each node has the same entries.',
  })
  @ApiOkResponse({ standardSchema: auditSchema })
  audit(@Query({ schema: auditQuerySchema }) { cursor, limit }: AuditQuery): Promise<Audit> {
    return this.trail.page(cursor, limit);
  }
}
