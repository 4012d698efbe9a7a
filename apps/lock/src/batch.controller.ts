import { Body, Controller, HttpCode, Logger, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Batch, type BatchResults, batchResultsSchema, batchSchema, Problem } from '@syncline/contracts';
import {
  CalledBy,
  type Caller,
  Disconnect,
  Does,
  JUDGED_BY_HANDLER,
  MAX_BODY_BYTES,
  TakesUpTo,
} from '@syncline/http';
import { LocksService } from '@syncline/locks';
import { ClientDisconnected, type DisconnectSignal } from '@syncline/runtime';

type Result = BatchResults['results'][number];

/** Many operations in one request, each as if it had been called alone. */
@ApiTags('locks')
@Controller({ path: 'locks', version: '1' })
export class BatchController {
  private readonly logger = new Logger(BatchController.name);

  constructor(private readonly locks: LocksService) {}

  @Post('batch')
  @Does('lock', JUDGED_BY_HANDLER)
  @HttpCode(200)
  @TakesUpTo(MAX_BODY_BYTES)
  @ApiOperation({ summary: 'Acquire, renew and release up to 512 times in one request' })
  @ApiOkResponse({ standardSchema: batchResultsSchema })
  async runBatch(
    @Body({ schema: batchSchema }) body: Batch,
    @Disconnect() disconnect: DisconnectSignal,
    @CalledBy() caller: Caller,
  ): Promise<BatchResults> {
    // All are sent in one turn of the event loop: they reach Redis in this order, in one round trip.
    return {
      results: await Promise.all(
        body.operations.map((operation) => this.answer(operation, caller, disconnect)),
      ),
    };
  }

  private async answer(
    operation: Batch['operations'][number],
    caller: Caller,
    disconnect: DisconnectSignal,
  ): Promise<Result> {
    if (operation instanceof Problem) return refused(operation, '/v1/locks/batch');
    const { name, op } = operation;
    try {
      caller.require('lock', [name]);
      return { status: 200, body: await this.locks.run(operation, disconnect) };
    } catch (error) {
      if (error instanceof ClientDisconnected) throw error;
      const problem = error instanceof Problem ? caller.told(error) : this.unforeseen(error);
      return refused(problem, `/v1/locks/${encodeURIComponent(name)}/${op}`);
    }
  }

  private unforeseen(error: unknown): Problem {
    this.logger.error(error);
    return new Problem('internal-error', 'The node failed. Its log has the details.');
  }
}

const refused = (problem: Problem, instance: string): Result => ({
  status: problem.status,
  body: problem.toBody(instance),
});
