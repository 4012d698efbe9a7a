import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ValidationFailed } from '@syncline/contracts';

/** Tells those who ask for a call stream by a usual request how it is opened. */
@ApiTags('node')
@Controller({ path: 'calls', version: '1' })
export class CallsController {
  @Get()
  @ApiOperation({
    summary: 'Opens a call stream: a WebSocket for many calls at a time',
    description: [
      'Each message is an array of calls, `[{"id":1,"path":"/v1/...","body":{}}]`: a POST of this API each, with an id',
      'that the client chooses. Each is answered as soon as it ends, by `[{"id":1,"status":200,"body":{}}]`, with',
      '`retryAfter` in seconds after a 503 or 429. `[{"id":1,"cancel":true}]` gives a call up, which is then not',
      'answered; with `"tell":true` it is, by status 499 unless it had come to its end before. At most 1,024 calls at a time and 1 MiB a message. The headers of the handshake tell who calls; it',
      'must not have an `Origin`. Close code 4001: the node shuts down, and calls without an answer were not begun.',
    ].join(' '),
  })
  @ApiResponse({ status: 101, description: 'From here on the connection is a WebSocket' })
  openCalls(): never {
    throw new ValidationFailed([{ path: 'Upgrade', message: 'open a WebSocket here: Upgrade: websocket' }]);
  }
}
