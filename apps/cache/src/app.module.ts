import { type DynamicModule, Module } from '@nestjs/common';
import { type NodeConfig, NodeModule } from '@syncline/http';
import { EntriesModule } from './entries/entries.module.js';

@Module({})
export class AppModule {
  static forRoot(config: NodeConfig): DynamicModule {
    return { module: AppModule, imports: [NodeModule.forRoot(config), EntriesModule] };
  }
}
