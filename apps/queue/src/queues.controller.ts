import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type Browsed,
  type BrowseQuery,
  browsedSchema,
  browseQuerySchema,
  listQueuesQuerySchema,
  nameSchema,
  type Purged,
  type PutQueue,
  purgedSchema,
  putQueueSchema,
  type Queue,
  type Queues,
  queueSchema,
  queuesSchema,
  type Redrive,
  type Redriven,
  redrivenSchema,
  redriveSchema,
} from '@syncline/contracts';
import { ApiProblems, Disconnect } from '@syncline/http';
import { DeadLettersService, MessagesService, QueuesService } from '@syncline/queues';
import { type DisconnectSignal } from '@syncline/runtime';
import type { z } from 'zod';

@ApiTags('queues')
@Controller({ path: 'queues', version: '1' })
export class QueuesController {
  constructor(
    private readonly queues: QueuesService,
    private readonly messages: MessagesService,
    private readonly deadLetters: DeadLettersService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List all queues in the order of their names' })
  @ApiOkResponse({ standardSchema: queuesSchema })
  listQueues(
    @Query({ schema: listQueuesQuerySchema })
    { prefix, cursor, limit }: z.infer<typeof listQueuesQuerySchema>,
  ): Promise<Queues> {
    return this.queues.list(prefix, cursor ?? null, limit);
  }

  @Put(':queue')
  @ApiOperation({ summary: 'Make a queue, or replace its configuration' })
  @ApiOkResponse({ standardSchema: queueSchema })
  putQueue(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: putQueueSchema }) given: PutQueue,
  ): Promise<Queue> {
    return this.queues.put(queue, given);
  }

  @Get(':queue')
  @ApiOperation({ summary: 'Show the configuration and the counts of a queue' })
  @ApiOkResponse({ standardSchema: queueSchema })
  @ApiProblems('not-found')
  getQueue(@Param('queue', { schema: nameSchema }) queue: string): Promise<Queue> {
    return this.queues.get(queue);
  }

  @Delete(':queue')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a queue with all its messages' })
  @ApiNoContentResponse({ description: 'It is gone' })
  @ApiProblems('not-found')
  deleteQueue(@Param('queue', { schema: nameSchema }) queue: string): Promise<void> {
    return this.queues.remove(queue);
  }

  @Post(':queue/purge')
  @HttpCode(200)
  @ApiOperation({ summary: 'Remove all messages: ready, delayed and in flight' })
  @ApiOkResponse({ standardSchema: purgedSchema })
  @ApiProblems('not-found')
  purge(@Param('queue', { schema: nameSchema }) queue: string): Promise<Purged> {
    return this.queues.purge(queue);
  }

  @Post(':queue/pause')
  @HttpCode(200)
  @ApiOperation({ summary: 'Pause deliveries; sends and acks go on' })
  @ApiOkResponse({ standardSchema: queueSchema })
  @ApiProblems('not-found')
  pause(@Param('queue', { schema: nameSchema }) queue: string): Promise<Queue> {
    return this.queues.pause(queue, true);
  }

  @Post(':queue/resume')
  @HttpCode(200)
  @ApiOperation({ summary: 'Resume deliveries' })
  @ApiOkResponse({ standardSchema: queueSchema })
  @ApiProblems('not-found')
  resume(@Param('queue', { schema: nameSchema }) queue: string): Promise<Queue> {
    return this.queues.pause(queue, false);
  }

  @Get(':queue/messages')
  @ApiOperation({ summary: 'Browse messages without receiving them' })
  @ApiOkResponse({ standardSchema: browsedSchema })
  @ApiProblems('not-found')
  browse(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Query({ schema: browseQuerySchema }) query: BrowseQuery,
  ): Promise<Browsed> {
    return this.messages.browse(queue, query);
  }

  @Post(':queue/redrive')
  @HttpCode(200)
  @ApiOperation({ summary: 'Move the dead letters of this queue back to where they came from' })
  @ApiOkResponse({ standardSchema: redrivenSchema })
  @ApiProblems('not-found')
  redrive(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: redriveSchema }) body: Redrive,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<Redriven> {
    return this.deadLetters.redrive(queue, body, disconnect);
  }
}
