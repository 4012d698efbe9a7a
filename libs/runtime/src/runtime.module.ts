import { Global, Module } from '@nestjs/common';
import { Drain } from './drain.js';
import { EventLoopLag } from './event-loop-lag.js';
import { Metrics } from './metrics.js';
import { OpenStreams } from './open-streams.js';
import { ProcessIdentity } from './process-identity.js';
import { Tenants } from './tenants.js';

const SERVICES = [Drain, EventLoopLag, Metrics, OpenStreams, ProcessIdentity, Tenants];

/** The services of the process that every engine uses. */
@Global()
@Module({ providers: SERVICES, exports: SERVICES })
export class RuntimeModule {}
