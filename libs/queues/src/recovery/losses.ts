import { Injectable, Logger } from '@nestjs/common';
import { Metrics } from '@syncline/runtime';
import { Counter } from 'prom-client';

/** Shows what a Redis that lost data has lost of queues. */
@Injectable()
export class Losses {
  private readonly logger = new Logger('Redis');
  private readonly lostMessages: Counter;
  private readonly sentAgainMessages: Counter;

  constructor({ registry }: Metrics) {
    const registers = [registry];
    this.lostMessages = new Counter({
      name: 'queue_messages_lost_total',
      help: 'Acknowledged messages that a new instance of Redis lacked and no node held, as this node found them',
      registers,
    });
    this.sentAgainMessages = new Counter({
      name: 'queue_messages_sent_again_total',
      help: 'Acknowledged messages that a new instance of Redis lacked and nodes sent again under their ids, as this node found them',
      registers,
    });
  }

  lost(queue: string, count: number): void {
    if (count === 0) return;
    this.lostMessages.inc(count);
    this.logger.warn(`Redis lost ${count} acknowledged messages of the queue ${queue}`);
  }

  sentAgain(queue: string, count: number): void {
    if (count === 0) return;
    this.sentAgainMessages.inc(count);
    this.logger.warn(`Redis lacked ${count} acknowledged messages of the queue ${queue}: sent again`);
  }
}
