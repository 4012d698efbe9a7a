import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidConfig, readNodeConfig } from './node.config.js';

const failureOf = (env: Record<string, string>) => {
  try {
    readNodeConfig('lock', env);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidConfig);
    return (error as Error).message;
  }
  throw new Error('The configuration was accepted.');
};

describe('the configuration of a node', () => {
  it('has a default for every variable', () => {
    const config = readNodeConfig('queue', {});
    expect(config).toMatchObject({
      role: 'queue',
      port: 8004,
      redis: { url: 'redis://localhost:6379', tls: {} },
      peers: [],
      logLevel: 'info',
      apiKeys: [],
    });
    expect(config.nodeId).toMatch(/^queue_/);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('treats an empty variable as unset', () => {
    expect(readNodeConfig('lock', { PORT: '', PEERS: '' })).toMatchObject({ port: 8001, peers: [] });
  });

  it('reads peers and API keys', () => {
    const config = readNodeConfig('lock', {
      PEERS: 'lock_manager_1@localhost:8001, lock_manager_2@host.example:8002',
      API_KEYS: 'ops:0123456789abcdef:admin',
    });
    expect(config.peers).toEqual([
      { nodeId: 'lock_manager_1', url: 'http://localhost:8001' },
      { nodeId: 'lock_manager_2', url: 'http://host.example:8002' },
    ]);
    expect(config.apiKeys).toEqual([{ name: 'ops', secret: '0123456789abcdef', right: 'admin' }]);
  });

  it('reports every invalid variable', () => {
    const message = failureOf({ PORT: 'eight', NODE_ID: 'a b', REDIS_URL: 'http://x', PEERS: 'nobody' });
    for (const name of ['PORT', 'NODE_ID', 'REDIS_URL', 'PEERS']) expect(message).toContain(name);
  });

  it('reads how to reach Redis through sentinels and over TLS', () => {
    const file = join(tmpdir(), `syncline-${process.pid}.pem`);
    writeFileSync(file, 'a certificate');
    const { redis } = readNodeConfig('lock', {
      REDIS_URL: 'rediss-sentinel://a:26379,b:26379#mymaster',
      REDIS_SENTINEL_PASSWORD: 'secret',
      REDIS_CA: file,
      REDIS_SERVERNAME: 'redis.example.com',
    });
    rmSync(file);
    expect(redis).toEqual({
      url: 'rediss-sentinel://a:26379,b:26379#mymaster',
      sentinel: { username: undefined, password: 'secret' },
      tls: { ca: 'a certificate', servername: 'redis.example.com' },
    });
    expect(failureOf({ REDIS_KEY: '/no/such/file' })).toContain('REDIS_KEY: cannot read');
    expect(failureOf({ REDIS_URL: 'redis-sentinel://a:26379' })).toContain('#mymaster');
  });

  it('refuses weak, malformed and duplicate API keys', () => {
    for (const keys of [
      'a:0123456789abcdef:read,b:0123456789abcdef:admin',
      'a:                :admin',
      'a:0123456789 abcdef:admin',
      ' :0123456789abcdef:admin',
      'a:0123456789abcdef:admin:more',
      'a:0123456789abcdé!:admin',
      ' , ',
    ]) {
      expect([keys, failureOf({ API_KEYS: keys })]).toEqual([keys, expect.stringContaining('API_KEYS')]);
    }
    expect(failureOf({ API_KEYS: 'a:0123456789abcdef:read,b:0123456789abcdef:admin' })).toContain(
      'entry 2: the same secret as entry 1',
    );
  });

  it('reads the allowed hosts', () => {
    const config = readNodeConfig('lock', { ALLOWED_HOSTS: 'Lock.example.com, *.svc.cluster.local' });
    expect(config.allowedHosts).toEqual(['lock.example.com', '*.svc.cluster.local']);
    for (const hosts of ['http://x', 'x:8001', 'a b', 'x.*']) {
      expect(failureOf({ ALLOWED_HOSTS: hosts })).toContain('ALLOWED_HOSTS');
    }
  });

  it('reads where traces go, and refuses what OpenTelemetry would pass over in silence', () => {
    const collector = (env: NodeJS.ProcessEnv) => readNodeConfig('lock', env).collector;
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://all:4318';
    expect(collector({})).toBeUndefined();
    expect(collector({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: 'always_off' })).toBe(
      'http://all:4318',
    );
    expect(collector({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://own/v1/traces' })).toBe(
      'http://own/v1/traces',
    );
    expect(collector({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' })).toBeUndefined();
    expect(collector({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' })).toBeUndefined();
    const wrong = [
      { OTEL_TRACES_SAMPLER: 'sometimes' },
      { OTEL_TRACES_SAMPLER_ARG: '2' },
      { OTEL_TRACES_EXPORTER: 'zipkin' },
      { OTEL_SDK_DISABLED: 'perhaps' },
    ];
    for (const env of wrong) expect(() => collector(env)).toThrow(Object.keys(env)[0]);
  });

  it('never shows a secret', () => {
    expect(failureOf({ API_KEYS: 'ops:too-short:admin' })).not.toContain('too-short');
    expect(failureOf({ REDIS_URL: 'http://user:hunter2@host' })).not.toContain('hunter2');
  });
});
