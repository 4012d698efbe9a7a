import { Global, Module } from '@nestjs/common';
import { Drain } from './drain.js';
import { Metrics } from './metrics.js';

/** What every engine needs of its process. */
@Global()
@Module({ providers: [Drain, Metrics], exports: [Drain, Metrics] })
export class RuntimeModule {}
