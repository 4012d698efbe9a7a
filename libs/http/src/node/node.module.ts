import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, DiscoveryModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { ClusterModule } from '@syncline/cluster';
import { RedisModule } from '@syncline/redis';
import { RuntimeModule } from '@syncline/runtime';
import { LoggerModule } from 'nestjs-pino';
import { AccessGuard } from '../access/access.guard.js';
import { ApiKeys } from '../access/api-keys.js';
import { CrossSiteProtection } from '../access/cross-site-protection.js';
import { CallRoutes } from '../calls/call-routes.js';
import { CallsController } from '../calls/calls.controller.js';
import { CallsGateway } from '../calls/calls.gateway.js';
import { ClusterController } from '../cluster/cluster.controller.js';
import { Console } from '../console/console.js';
import { NodeCalls } from '../console/node-calls.js';
import { SessionController } from '../console/session.controller.js';
import { Sessions } from '../console/sessions.js';
import { EventStream } from '../events/event-stream.js';
import { EventsController } from '../events/events.controller.js';
import { ClusterHealth } from '../health/cluster.health.js';
import { HealthController } from '../health/health.controller.js';
import { RedisHealth } from '../health/redis.health.js';
import { KeyMetrics } from '../limits/key-metrics.js';
import { ParkedGuard } from '../limits/parked.guard.js';
import { TenantMetrics } from '../limits/tenant-metrics.js';
import { HttpMetrics } from '../metrics/http-metrics.js';
import { MetricsController } from '../metrics/metrics.controller.js';
import { ProblemFilter } from '../problems/problem.filter.js';
import { Refusals } from '../problems/refusals.js';
import { BodyGuard } from '../request/body.guard.js';
import { ContractPipe } from '../request/contract.pipe.js';
import { RequestTraces } from '../traces/request-traces.js';
import { AuditController } from '../trail/audit.controller.js';
import { Trail } from '../trail/trail.js';
import { TrailStore } from '../trail/trail.store.js';
import { EntranceController } from './entrance.controller.js';
import { NODE_CONFIG, type NodeConfig } from './node.config.js';
import { NodeController } from './node.controller.js';
import { ServerStop } from './server-stop.js';

/** Without a collector nothing of OpenTelemetry is loaded. */
async function tracesOf(config: NodeConfig): Promise<RequestTraces> {
  if (config.collector === undefined) return new RequestTraces();
  const { ExportedTraces } = await import('../traces/exported-traces.js');
  return new ExportedTraces(config);
}

/** Everything that nodes of all roles have: Redis, the cluster, the HTTP edge. */
@Module({})
export class NodeModule {
  static forRoot(config: NodeConfig): DynamicModule {
    return {
      module: NodeModule,
      global: true,
      imports: [
        // No request logging: a log line costs more than the request. The exception filter logs failures.
        LoggerModule.forRoot({
          pinoHttp: { level: config.logLevel, base: { nodeId: config.nodeId } },
          forRoutes: [],
        }),
        DiscoveryModule,
        TerminusModule.forRoot({ logger: false }),
        RuntimeModule,
        RedisModule.forRoot({ ...config.redis, connectionName: config.nodeId }),
        ClusterModule.forRoot({
          role: config.role,
          nodeId: config.nodeId,
          kind: 'node',
          timers: true,
          peers: config.peers,
        }),
      ],
      controllers: [
        EntranceController,
        HealthController,
        MetricsController,
        ClusterController,
        NodeController,
        CallsController,
        AuditController,
        EventsController,
        SessionController,
      ],
      providers: [
        { provide: NODE_CONFIG, useValue: config },
        ApiKeys,
        { provide: CrossSiteProtection, useValue: new CrossSiteProtection(config) },
        ServerStop,
        TrailStore,
        Trail,
        Refusals,
        EventStream,
        RedisHealth,
        ClusterHealth,
        CallRoutes,
        CallsGateway,
        HttpMetrics,
        { provide: RequestTraces, useFactory: () => tracesOf(config) },
        KeyMetrics,
        TenantMetrics,
        Sessions,
        NodeCalls,
        Console,
        ParkedGuard,
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useClass: ContractPipe },
        // In this order: judge the key, read the body, see whether the request may wait.
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_GUARD, useClass: BodyGuard },
        { provide: APP_GUARD, useExisting: ParkedGuard },
      ],
      exports: [NODE_CONFIG, ApiKeys, CrossSiteProtection, ParkedGuard, EventStream, NodeCalls],
    };
  }
}
