import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ClusterController } from './cluster.controller.js';
import { ClusterHealth } from './cluster.health.js';
import { CLUSTER_OPTIONS, type ClusterOptions } from './cluster.options.js';
import { Membership } from './membership.js';

/** Membership, ring and messages of one node among those of its role. */
@Global()
@Module({})
export class ClusterModule {
  static forRoot(options: ClusterOptions): DynamicModule {
    return {
      module: ClusterModule,
      imports: [TerminusModule],
      controllers: [ClusterController],
      providers: [{ provide: CLUSTER_OPTIONS, useValue: options }, Membership, ClusterHealth],
      exports: [Membership, ClusterHealth],
    };
  }
}
