import { type DynamicModule, Module } from '@nestjs/common';
import { type NodeConfig, NodeModule } from '@syncline/http';
import { MessagesModule } from './messages/messages.module.js';

@Module({})
export class AppModule {
  static forRoot(config: NodeConfig): DynamicModule {
    return { module: AppModule, imports: [NodeModule.forRoot(config), MessagesModule] };
  }
}
