import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Deadlocks, deadlocksSchema, type WaitList, waitListSchema } from '@syncline/contracts';
import { WaitingService } from '@syncline/locks';

/** Who waits for whom. */
@ApiTags('waiting')
@Controller({ version: '1' })
export class WaitingController {
  constructor(private readonly waiting: WaitingService) {}

  @Get('locks/waits')
  @ApiOperation({
    summary: 'List the requests that wait, and who holds what they wait for',
    description:
      'Of locks and semaphores, the longest waits first, at most about 1,000. A lock that is named `waits` is described at `/v1/locks/%77aits`.',
  })
  @ApiOkResponse({ standardSchema: waitListSchema })
  listWaits(): Promise<WaitList> {
    return this.waiting.waits();
  }

  @Get('deadlocks')
  @ApiOperation({ summary: 'List the last 50 deadlocks of a day, newest first' })
  @ApiOkResponse({ standardSchema: deadlocksSchema })
  listDeadlocks(): Promise<Deadlocks> {
    return this.waiting.deadlocks();
  }
}
