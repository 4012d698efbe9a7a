import { Module } from '@nestjs/common';
import { LiveController, NODE_CONFIG, type NodeConfig, Overview } from '@syncline/http';
import { LocksModule } from '@syncline/locks';
import { BatchController } from './batch.controller.js';
import { EventsController } from './events.controller.js';
import { LockOverview } from './lock.overview.js';
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
    LiveController,
  ],
  providers: [{ provide: Overview, useClass: LockOverview }],
})
export class LockModule {}
