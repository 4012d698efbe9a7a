import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type Ack,
  type Acked,
  ackedSchema,
  ackSchema,
  type Extend,
  type Extended,
  extendedSchema,
  extendSchema,
  MAX_SEND_BYTES,
  type Nack,
  type Nacked,
  nackedSchema,
  nackSchema,
  nameSchema,
  type Receive,
  type Received,
  receivedSchema,
  receiveSchema,
  type Send,
  type Sent,
  sendSchema,
  sentSchema,
} from '@syncline/contracts';
import {
  ApiProblems,
  CalledBy,
  type Caller,
  Disconnect,
  Does,
  MAX_BODY_BYTES,
  TakesUpTo,
} from '@syncline/http';
import { DeliveryService, MessagesService } from '@syncline/queues';
import { type DisconnectSignal } from '@syncline/runtime';

@ApiTags('messages')
@Controller({ path: 'queues/:queue', version: '1' })
export class MessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly delivery: DeliveryService,
  ) {}

  @Post('messages')
  @Does('produce', ':queue')
  @TakesUpTo(MAX_SEND_BYTES)
  @ApiOperation({ summary: 'Send messages, all or none; the queue is made when there is none' })
  @ApiCreatedResponse({ standardSchema: sentSchema })
  @ApiProblems('queue-full', 'payload-too-large')
  send(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: sendSchema }) body: Send,
  ): Promise<Sent> {
    return this.messages.send(queue, body);
  }

  @Post('receive')
  @Does('consume', ':queue')
  @HttpCode(200)
  @ApiOperation({ summary: 'Receive messages, and wait for them when there are none' })
  @ApiOkResponse({ standardSchema: receivedSchema })
  @ApiProblems('not-found')
  receive(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: receiveSchema }) body: Receive,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<Received> {
    return this.delivery.receive(queue, body, disconnect);
  }

  @Post('ack')
  @Does('consume', ':queue')
  @HttpCode(200)
  @TakesUpTo(MAX_SEND_BYTES)
  @ApiOperation({
    summary: 'Acknowledge deliveries: their messages are never delivered again',
    description:
      'With `send` it sends messages in the same step. It needs `produce` on their queues, whose limits are judged before: when one refuses, nothing is acknowledged and nothing sent.',
  })
  @ApiOkResponse({ standardSchema: ackedSchema })
  @ApiProblems('not-found', 'queue-full', 'payload-too-large')
  async ack(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: ackSchema }) ack: Ack,
    @CalledBy() caller: Caller,
  ): Promise<Acked> {
    caller.require('produce', ack.send?.map((message) => message.queue) ?? []);
    return this.messages.ack(queue, ack);
  }

  @Post('nack')
  @Does('consume', ':queue')
  @HttpCode(200)
  @TakesUpTo(MAX_BODY_BYTES)
  @ApiOperation({
    summary: 'Give deliveries back: after a delay, or as dead letters when too many failed',
  })
  @ApiOkResponse({ standardSchema: nackedSchema })
  @ApiProblems('not-found')
  nack(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: nackSchema }) { receipts, ...how }: Nack,
  ): Promise<Nacked> {
    return this.messages.nack(queue, receipts, how);
  }

  @Post('extend')
  @Does('consume', ':queue')
  @HttpCode(200)
  @TakesUpTo(MAX_BODY_BYTES)
  @ApiOperation({ summary: 'Extend deliveries: another visibility timeout, from now on' })
  @ApiOkResponse({ standardSchema: extendedSchema })
  @ApiProblems('not-found')
  extend(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: extendSchema }) extend: Extend,
  ): Promise<Extended> {
    return this.messages.extend(queue, extend);
  }
}
