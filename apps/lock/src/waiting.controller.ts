import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Deadlocks, deadlocksSchema, type WaitList, waitListSchema } from '@syncline/contracts';
import { CalledBy, type Caller, Does, JUDGED_BY_HANDLER } from '@syncline/http';
import { WaitingService } from '@syncline/locks';

/** Who waits for whom. */
@ApiTags('waiting')
@Controller({ version: '1' })
export class WaitingController {
  constructor(private readonly waiting: WaitingService) {}

  @Get('locks/waits')
  @Does('read', JUDGED_BY_HANDLER)
  @ApiOperation({
    summary: 'List the requests that wait, and who holds what they wait for',
    description:
      'Of locks and semaphores, the longest waits first, at most about 1,000. A lock that is named `waits` is described at `/v1/locks/%77aits`.',
  })
  @ApiOkResponse({ standardSchema: waitListSchema })
  async listWaits(@CalledBy() caller: Caller): Promise<WaitList> {
    const { waits } = await this.waiting.waits();
    return { waits: waits.filter(({ waitsFor }) => caller.may('read', waitsFor)) };
  }

  @Get('deadlocks')
  @Does('read', JUDGED_BY_HANDLER)
  @ApiOperation({ summary: 'List the last 50 deadlocks of a day, newest first' })
  @ApiOkResponse({ standardSchema: deadlocksSchema })
  async listDeadlocks(@CalledBy() caller: Caller): Promise<Deadlocks> {
    const { deadlocks } = await this.waiting.deadlocks();
    const mayRead = ({ cycle }: Deadlocks['deadlocks'][number]) =>
      cycle.every(({ waitsFor }) => caller.may('read', waitsFor));
    return { deadlocks: deadlocks.filter(mayRead) };
  }
}
