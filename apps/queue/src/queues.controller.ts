import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type AwaitQueue,
  awaitQueueSchema,
  type Browsed,
  type BrowseQuery,
  browsedSchema,
  browseQuerySchema,
  deadLettersOf,
  listQueuesQuerySchema,
  type Made,
  madeSchema,
  nameSchema,
  type Purged,
  type PutQueue,
  purgedSchema,
  putQueueSchema,
  type Queue,
  type QueueFigures,
  type Queues,
  queueFiguresSchema,
  queueSchema,
  queuesSchema,
  type Redrive,
  type Redriven,
  redrivenSchema,
  redriveSchema,
} from '@syncline/contracts';
import {
  ApiProblems,
  CalledBy,
  type Caller,
  Disconnect,
  Does,
  JUDGED_BY_HANDLER,
  MAX_BODY_BYTES,
  TakesUpTo,
} from '@syncline/http';
import { DeadLettersService, FiguresService, MessagesService, QueuesService } from '@syncline/queues';
import { type DisconnectSignal } from '@syncline/runtime';
import type { z } from 'zod';

@ApiTags('queues')
@Controller({ path: 'queues', version: '1' })
export class QueuesController {
  constructor(
    private readonly queues: QueuesService,
    private readonly messages: MessagesService,
    private readonly deadLetters: DeadLettersService,
    private readonly figures: FiguresService,
  ) {}

  @Get()
  @Does('read', JUDGED_BY_HANDLER)
  @ApiOperation({ summary: 'List all queues in the order of their names' })
  @ApiOkResponse({ standardSchema: queuesSchema })
  listQueues(
    @Query({ schema: listQueuesQuerySchema }) query: z.infer<typeof listQueuesQuerySchema>,
    @CalledBy() caller: Caller,
  ): Promise<Queues> {
    return caller.page('queues', query, ({ prefix, cursor, limit }) =>
      this.queues.list(prefix, cursor ?? null, limit),
    );
  }

  @Put(':queue')
  @Does('configure', ':queue')
  @ApiOperation({ summary: 'Make a queue, or replace its configuration' })
  @ApiOkResponse({ standardSchema: queueSchema })
  putQueue(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: putQueueSchema }) given: PutQueue,
    @CalledBy() caller: Caller,
  ): Promise<Queue> {
    const { deadLetterQueue = deadLettersOf(queue) } = given;
    // The default one belongs to the queue. To any other one the queue will send.
    if (deadLetterQueue !== deadLettersOf(queue)) caller.require('produce', [deadLetterQueue]);
    return this.queues.put(queue, given);
  }

  @Get(':queue')
  @Does('read', ':queue')
  @ApiOperation({ summary: 'Show the configuration and the counts of a queue' })
  @ApiOkResponse({ standardSchema: queueSchema })
  @ApiProblems('not-found')
  getQueue(@Param('queue', { schema: nameSchema }) queue: string): Promise<Queue> {
    return this.queues.get(queue);
  }

  @Get(':queue/figures')
  @Does('read', ':queue')
  @ApiOperation({
    summary: 'Show the counts of a queue over the last hour',
    description:
      'The owner of a queue on the ring samples it every 10 s and keeps an hour of that in its memory, of at most 1,000 queues. Another ' +
      'node, or one that has just become the owner, has no samples yet: `nodeId` says which to ask.',
  })
  @ApiOkResponse({ standardSchema: queueFiguresSchema })
  @ApiProblems('not-found')
  showFigures(@Param('queue', { schema: nameSchema }) queue: string): Promise<QueueFigures> {
    return this.figures.of(queue);
  }

  @Delete(':queue')
  @Does('purge', ':queue')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a queue with all its messages' })
  @ApiNoContentResponse({ description: 'It is gone' })
  @ApiProblems('not-found')
  deleteQueue(@Param('queue', { schema: nameSchema }) queue: string): Promise<void> {
    return this.queues.remove(queue);
  }

  @Post(':queue/made')
  @Does('consume', ':queue')
  @HttpCode(200)
  @ApiOperation({ summary: 'Wait until a queue is made' })
  @ApiOkResponse({ standardSchema: madeSchema })
  async awaitQueue(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: awaitQueueSchema }) { waitMs }: AwaitQueue,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<Made> {
    return { made: await this.queues.isMade(queue, waitMs, disconnect) };
  }

  @Post(':queue/purge')
  @Does('purge', ':queue')
  @HttpCode(200)
  @ApiOperation({ summary: 'Remove all messages: ready, delayed and in flight' })
  @ApiOkResponse({ standardSchema: purgedSchema })
  @ApiProblems('not-found')
  purge(@Param('queue', { schema: nameSchema }) queue: string): Promise<Purged> {
    return this.queues.purge(queue);
  }

  @Post(':queue/pause')
  @Does('configure', ':queue')
  @HttpCode(200)
  @ApiOperation({ summary: 'Pause deliveries; sends and acks go on' })
  @ApiOkResponse({ standardSchema: queueSchema })
  @ApiProblems('not-found')
  pause(@Param('queue', { schema: nameSchema }) queue: string): Promise<Queue> {
    return this.queues.pause(queue, true);
  }

  @Post(':queue/resume')
  @Does('configure', ':queue')
  @HttpCode(200)
  @ApiOperation({ summary: 'Resume deliveries' })
  @ApiOkResponse({ standardSchema: queueSchema })
  @ApiProblems('not-found')
  resume(@Param('queue', { schema: nameSchema }) queue: string): Promise<Queue> {
    return this.queues.pause(queue, false);
  }

  @Get(':queue/messages')
  @Does('read', ':queue')
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
  @Does('consume', ':queue')
  @Does('produce', JUDGED_BY_HANDLER)
  @HttpCode(200)
  @TakesUpTo(MAX_BODY_BYTES)
  @ApiOperation({ summary: 'Move the dead letters of this queue back to where they came from' })
  @ApiOkResponse({ standardSchema: redrivenSchema })
  @ApiProblems('not-found')
  redrive(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: redriveSchema }) body: Redrive,
    @Disconnect() disconnect: DisconnectSignal,
    @CalledBy() caller: Caller,
  ): Promise<Redriven> {
    // Where they came from is found out when they are moved.
    if (body.to === undefined)
      caller.requireForAll('produce', 'Name the queue that the messages go to, as `to`.');
    else caller.require('produce', [body.to]);
    return this.deadLetters.redrive(queue, body, disconnect);
  }
}
