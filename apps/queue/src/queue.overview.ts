import { Injectable } from '@nestjs/common';
import { queuesSchema } from '@syncline/contracts';
import { type Caller, type Overview } from '@syncline/http';
import { QueuesService } from '@syncline/queues';

const MOST_QUEUES = 500;

/** What the console shows first of queues. */
@Injectable()
export class QueueOverview implements Overview {
  constructor(private readonly queues: QueuesService) {}

  async read(caller: Caller): Promise<object> {
    const page = await caller.page('queues', { limit: MOST_QUEUES }, ({ prefix, cursor, limit }) =>
      this.queues.list(prefix, cursor ?? null, limit),
    );
    return caller.shown(queuesSchema, page);
  }
}
