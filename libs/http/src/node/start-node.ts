import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import type { TlsOptions } from 'node:tls';
import { type DynamicModule, type INestApplication, Module, type Type, VersioningType } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Membership, NodeTransport } from '@syncline/cluster';
import type { Role } from '@syncline/contracts';
import { Drain } from '@syncline/runtime';
import { Logger } from 'nestjs-pino';
import { CrossSiteProtection } from '../access/cross-site-protection.js';
import { Console } from '../console/console.js';
import { serveApiDocument } from '../document/api-document.js';
import { boundConnections } from '../limits/connections.js';
import { HttpMetrics } from '../metrics/http-metrics.js';
import { answerUnreadable } from '../problems/raw-answer.js';
import { edge } from '../request/edge.middleware.js';
import { readCertificate } from '../tls/certificate.js';
import { renewCertificate } from '../tls/renewal.js';
import { RequestTraces } from '../traces/request-traces.js';
import { Trail } from '../trail/trail.js';
import { isLoopback } from './exposure.js';
import { FastExpressAdapter } from './fast-express.adapter.js';
import { InvalidConfig, NODE_CONFIG, type NodeConfig, readNodeConfig } from './node.config.js';
import { NodeModule } from './node.module.js';
import { quietBoot } from './quiet-boot.js';
import { ServerStop } from './server-stop.js';

/** One of the three services. */
export interface NodeRole {
  readonly role: Role;
  /** The module with the engine and the routes of the service. */
  readonly module: Type;
}

/** The root module of a node: the common part and the module of its role. */
@Module({})
class Node {
  static forRoot(config: NodeConfig, module: Type): DynamicModule {
    return { module: Node, imports: [NodeModule.forRoot(config), module] };
  }
}

/** Undefined: plain HTTP. */
const tlsOf = ({ tls, requiresCertificates }: NodeConfig): TlsOptions | undefined =>
  tls && {
    ...readCertificate(tls),
    requestCert: tls.clientCa !== undefined,
    // What is not trusted is no certificate: keys are asked for.
    rejectUnauthorized: requiresCertificates,
  };

/** Creates a node that does not listen yet. */
async function createNode(node: NodeRole, config: NodeConfig): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(
    Node.forRoot(config, node.module),
    new FastExpressAdapter(config.nodeId, tlsOf(config)),
    {
      // BodyGuard reads bodies after the API key was checked.
      bodyParser: false,
      bufferLogs: true,
      abortOnError: false,
    },
  );
  const logger = app.get(Logger);
  app.useLogger(quietBoot(logger));
  app.set('etag', false);
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.enableVersioning({ type: VersioningType.URI });
  app.use(
    edge(
      app.get(Drain),
      app.get(ServerStop),
      app.get(HttpMetrics),
      app.get(RequestTraces),
      app.get(Trail),
      app.get(CrossSiteProtection),
      app.get(Console),
    ),
  );
  const server = app.getHttpServer();
  answerUnreadable(server, config.nodeId);
  boundConnections(server, config.maxConnections, logger);
  if (config.tls !== undefined) renewCertificate(server as TlsServer, config.tls, logger);
  app.connectMicroservice(
    { strategy: new NodeTransport({ redis: config.redis, role: config.role, nodeId: config.nodeId }) },
    { inheritAppConfig: true },
  );
  serveApiDocument(app, config);
  return app;
}

/** Makes a node listen and join its cluster. Resolves when it has joined; until then it answers with 503. */
async function openNode(app: INestApplication): Promise<string> {
  const config: NodeConfig = app.get(NODE_CONFIG);
  await app.startAllMicroservices();
  const { host, warning } = config.exposure;
  if (warning !== undefined) app.get(Logger).warn(warning);
  await app.listen(config.port, host);
  const { port } = app.getHttpServer().address() as AddressInfo;
  const named = config.peers.find((peer) => peer.nodeId === config.nodeId);
  const url =
    config.url ?? named?.url ?? `${config.scheme}://${isLoopback(host) ? 'localhost' : hostname()}:${port}`;
  app.get(Logger).log({ msg: 'listening', port, url });
  await app.get(Membership).start(url);
  return url;
}

/** Runs a node in this process: reads the environment, starts it, and stops it cleanly on SIGTERM or SIGINT. */
export async function startNode(node: NodeRole): Promise<void> {
  let config: NodeConfig;
  try {
    config = readNodeConfig(node.role, process.env);
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
  const app = await createNode(node, config);
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
  try {
    await openNode(app);
  } catch (error) {
    app.get(Logger).fatal(error instanceof Error ? error.message : String(error));
    // Nobody was promised anything yet that an orderly stop would keep.
    process.exit(1);
  }
}
