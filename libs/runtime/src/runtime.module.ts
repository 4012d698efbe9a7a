import { Global, Module } from '@nestjs/common';
import { Drain } from './drain.js';
import { Metrics } from './metrics.js';
import { ProcessIdentity } from './process-identity.js';

/** What every engine needs of its process. */
@Global()
@Module({ providers: [Drain, Metrics, ProcessIdentity], exports: [Drain, Metrics, ProcessIdentity] })
export class RuntimeModule {}
