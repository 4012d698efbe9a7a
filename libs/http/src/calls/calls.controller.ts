import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ValidationFailed } from '@syncline/contracts';
import { AnyKey } from '../access/does.decorator.js';

/** Documents call streams, and refuses plain requests to their path. */
@ApiTags('node')
@Controller({ path: 'calls', version: '1' })
export class CallsController {
  @Get()
  @AnyKey()
  @ApiOperation({
    summary: 'Open a call stream: a WebSocket for many calls at a time',
    description: [
      'Each message is an array of calls, `[{"id":1,"path":"/v1/...","body":{}}]`. Each call is a POST of this API with an',
      'id that the client chooses, and a `traceparent` where it is part of a trace. The node answers each call as soon as it ends: `[{"id":1,"status":200,"body":{}}]`,',
      'with `retryAfter` in seconds after a 503 or 429. `[{"id":1,"cancel":true}]` cancels a call, which then gets no',
      'answer; with `"tell":true` it gets status 499, unless it had already ended. At most 1,024 calls at a time and',
      '1 MiB for each message. The API key is sent with the handshake, which must not have an `Origin` header. Close code',
      '4001: the node shuts down and did not start the calls that have no answer.',
    ].join(' '),
  })
  @ApiResponse({ status: 101, description: 'The connection is now a WebSocket' })
  openCalls(): never {
    throw new ValidationFailed([{ path: 'Upgrade', message: 'expected a WebSocket: Upgrade: websocket' }]);
  }
}
