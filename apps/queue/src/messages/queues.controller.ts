import { Body, Controller, Get, Param, Put, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  listQueuesQuerySchema,
  nameSchema,
  type PutQueue,
  putQueueSchema,
  type Queue,
  type Queues,
  queueSchema,
  queuesSchema,
} from '@syncline/contracts';
import { ApiProblems } from '@syncline/http';
import type { z } from 'zod';
import { QueuesService } from './queues.service.js';

@ApiTags('queues')
@Controller({ path: 'queues', version: '1' })
export class QueuesController {
  constructor(private readonly queues: QueuesService) {}

  @Get()
  @ApiOperation({ summary: 'All queues in order of their names' })
  @ApiOkResponse({ standardSchema: queuesSchema })
  listQueues(
    @Query({ schema: listQueuesQuerySchema })
    { prefix, cursor, limit }: z.infer<typeof listQueuesQuerySchema>,
  ): Promise<Queues> {
    return this.queues.list(prefix, cursor ?? null, limit);
  }

  @Put(':queue')
  @ApiOperation({ summary: 'Makes a queue, or replaces its configuration' })
  @ApiOkResponse({ standardSchema: queueSchema })
  putQueue(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: putQueueSchema }) given: PutQueue,
  ): Promise<Queue> {
    return this.queues.put(queue, given);
  }

  @Get(':queue')
  @ApiOperation({ summary: 'Configuration and counts of a queue' })
  @ApiOkResponse({ standardSchema: queueSchema })
  @ApiProblems('not-found')
  getQueue(@Param('queue', { schema: nameSchema }) queue: string): Promise<Queue> {
    return this.queues.get(queue);
  }
}
