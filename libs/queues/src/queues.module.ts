import { Module } from '@nestjs/common';
import { ByIdService } from './by-id/by-id.service.js';
import { EndWatch } from './by-id/end-watch.js';
import { ChainsService } from './chains/chains.service.js';
import { DeadLettersService } from './dead-letters/dead-letters.service.js';
import { Outbox } from './dead-letters/outbox.js';
import { DeliveryService } from './delivery/delivery.service.js';
import { DeliveryMetrics } from './delivery/delivery-metrics.js';
import { HintsListener } from './delivery/hints.listener.js';
import { ParkedReceivers } from './delivery/parked-receivers.js';
import { FiguresService } from './figures/figures.service.js';
import { QueueMetrics } from './figures/queue-metrics.js';
import { MessageBytes } from './messages/message-bytes.js';
import { MessagesService } from './messages/messages.service.js';
import { Receipts } from './messages/receipts.js';
import { QueuesService } from './queues/queues.service.js';
import { UnmadeQueues } from './queues/unmade-queues.js';
import { Losses } from './recovery/losses.js';
import { Memory } from './recovery/memory.js';
import { QueueStore } from './redis/queue.store.js';
import { QueueNames } from './redis/queue-names.js';
import { QueueOpenings } from './redis/queue-openings.js';
import { QueuesInUse } from './redis/queues-in-use.js';
import { ScheduleStore } from './redis/schedule.store.js';
import { WakeUps } from './redis/wake-ups.js';
import { Firing } from './schedules/firing.js';
import { SchedulesService } from './schedules/schedules.service.js';
import { SearchService } from './search/search.service.js';
import { DueTimers } from './timers/due-timers.js';

/** The queue engine. Needs `RedisModule`, `RuntimeModule` and `ClusterModule`. */
@Module({
  controllers: [HintsListener],
  providers: [
    Memory,
    Losses,
    QueueNames,
    QueuesInUse,
    QueueOpenings,
    QueueStore,
    ScheduleStore,
    QueuesService,
    UnmadeQueues,
    MessageBytes,
    MessagesService,
    ChainsService,
    ByIdService,
    EndWatch,
    SearchService,
    Receipts,
    DeliveryMetrics,
    DeliveryService,
    WakeUps,
    ParkedReceivers,
    DueTimers,
    Firing,
    SchedulesService,
    Outbox,
    DeadLettersService,
    FiguresService,
    QueueMetrics,
  ],
  exports: [
    FiguresService,
    QueuesService,
    MessagesService,
    ByIdService,
    SearchService,
    DeliveryService,
    DeadLettersService,
    SchedulesService,
  ],
})
export class QueuesModule {}
