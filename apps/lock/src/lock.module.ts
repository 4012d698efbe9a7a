import { Module } from '@nestjs/common';
import { NODE_CONFIG, type NodeConfig } from '@syncline/http';
import { LocksModule } from '@syncline/locks';
import { BatchController } from './batch.controller.js';
import { EventsController } from './events.controller.js';
import { LocksController } from './locks.controller.js';
import { SemaphoresController } from './semaphores.controller.js';
import { SessionsController } from './sessions.controller.js';
import { SetsController } from './sets.controller.js';
import { WaitingController } from './waiting.controller.js';

/** The routes of a lock node. */
@Module({
  imports: [
    LocksModule.forRoot({
      inject: [NODE_CONFIG],
      useFactory: ({ lockDurability }: NodeConfig) => lockDurability,
    }),
  ],
  controllers: [
    SetsController,
    BatchController,
    WaitingController,
    LocksController,
    EventsController,
    SemaphoresController,
    SessionsController,
  ],
})
export class LockModule {}
