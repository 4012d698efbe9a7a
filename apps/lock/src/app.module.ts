import { type DynamicModule, Module } from '@nestjs/common';
import { type NodeConfig, NodeModule } from '@syncline/http';
import { LeasesModule } from './leases/leases.module.js';

@Module({})
export class AppModule {
  static forRoot(config: NodeConfig): DynamicModule {
    return { module: AppModule, imports: [NodeModule.forRoot(config), LeasesModule] };
  }
}
