import { Global, Module } from '@nestjs/common';
import { Drain } from './drain.js';
import { Metrics } from './metrics.js';
import { ProcessIdentity } from './process-identity.js';

/** The services of the process that every engine uses. */
@Global()
@Module({ providers: [Drain, Metrics, ProcessIdentity], exports: [Drain, Metrics, ProcessIdentity] })
export class RuntimeModule {}
