import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type Cancel,
  type Cancelled,
  cancelledSchema,
  cancelSchema,
  messageIdParamSchema,
  nameSchema,
  type Reschedule,
  rescheduleSchema,
  type ShownMessage,
  showMessageQuerySchema,
  shownMessageSchema,
  type Watch,
  type Watched,
  watchedSchema,
  watchSchema,
} from '@syncline/contracts';
import { ApiProblems, Disconnect, Does, MAX_BODY_BYTES, TakesUpTo } from '@syncline/http';
import { ByIdService } from '@syncline/queues';
import { type DisconnectSignal } from '@syncline/runtime';
import type { z } from 'zod';

@ApiTags('messages')
@Controller({ path: 'queues/:queue', version: '1' })
export class MessageByIdController {
  constructor(private readonly byId: ByIdService) {}

  @Get('messages/:id')
  @Does('read', ':queue')
  @ApiOperation({ summary: 'Show a message and why it is not delivered, or wait until it has ended' })
  @ApiOkResponse({ standardSchema: shownMessageSchema })
  @ApiProblems('not-found')
  showMessage(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Param('id', { schema: messageIdParamSchema }) id: string,
    @Query({ schema: showMessageQuerySchema }) { waitMs }: z.infer<typeof showMessageQuerySchema>,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<ShownMessage> {
    return this.byId.get(queue, id, waitMs, disconnect);
  }

  @Patch('messages/:id')
  @Does('read', ':queue')
  @Does('configure', ':queue')
  @ApiOperation({ summary: 'Reschedule a message that waits: another delay or priority' })
  @ApiOkResponse({ standardSchema: shownMessageSchema })
  @ApiProblems('not-found', 'in-flight')
  rescheduleMessage(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Param('id', { schema: messageIdParamSchema }) id: string,
    @Body({ schema: rescheduleSchema }) body: Reschedule,
  ): Promise<ShownMessage> {
    return this.byId.reschedule(queue, id, body);
  }

  @Delete('messages/:id')
  @Does('purge', ':queue')
  @ApiOperation({ summary: 'Cancel a message, waiting or in flight: it is not delivered any more' })
  @ApiOkResponse({ standardSchema: cancelledSchema })
  @ApiProblems('not-found')
  cancelMessage(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Param('id', { schema: messageIdParamSchema }) id: string,
    @Body({ schema: cancelSchema }) body: Cancel,
  ): Promise<Cancelled> {
    return this.byId.cancel(queue, id, body);
  }

  @Post('watch')
  @Does('consume', ':queue')
  @TakesUpTo(MAX_BODY_BYTES)
  @HttpCode(200)
  @ApiOperation({ summary: 'Learn which deliveries were cancelled, or wait until one is' })
  @ApiOkResponse({ standardSchema: watchedSchema })
  @ApiProblems('not-found')
  watchDeliveries(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: watchSchema }) body: Watch,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<Watched> {
    return this.byId.watch(queue, body, disconnect);
  }
}
