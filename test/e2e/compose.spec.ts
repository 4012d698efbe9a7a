import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseEnv } from 'node:util';
import type { Role } from '@syncline/contracts';
import { readNodeConfig } from '@syncline/http';
import { Certificates, eventually, freePort, NodeProcess, RedisServer } from '@syncline/testing';
import { parse } from 'yaml';

interface Service {
  readonly image: string;
  readonly build?: { readonly args: { readonly APP: Role } };
  readonly command?: string;
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly volumes?: readonly string[];
  readonly scale?: number;
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly user?: string;
  readonly mem_limit?: string;
  readonly stop_grace_period?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: { readonly redis?: { readonly condition: string } };
}

const text = (file: string) => readFileSync(file, 'utf8');
const compose: { services: Record<string, Service>; volumes: object } = parse(text('docker-compose.yml'), {
  merge: true,
});
const { redis, prometheus, grafana, ...nodes } = compose.services;
const isFixed = ([, service]: [string, Service]) => service.profiles === undefined;
const fixed = Object.entries(nodes).filter(isFixed);
const scalable = Object.entries(nodes).filter((entry) => !isFixed(entry));
const example = parseEnv(text('.env.example')) as Record<string, string>;
const PEERS = { lock: 'LOCK_PEERS', queue: 'QUEUE_PEERS', cache: 'CACHE_PEERS' } as const;

/** The configuration that the node of a service reads, with `${NAME:-default}` filled in from .env.example. */
function configOf({ build, environment = {} }: Service) {
  const filled = Object.entries(environment).map(([name, value]) => [
    name,
    String(value).replace(/\$\{(\w+):-([^}]*)\}/g, (_, variable, fallback) => example[variable] || fallback),
  ]);
  return readNodeConfig(build?.args.APP ?? 'lock', Object.fromEntries(filled));
}

describe('docker-compose.yml', () => {
  it.each(Object.entries(PEERS))('has the %s nodes of .env.example, on the same ports', (role, variable) => {
    const expected = example[variable]?.split(',').map((entry) => {
      const [, name, port] = /^(\w+)@localhost:(\d+)$/.exec(entry) ?? [];
      return { name, port: Number(port) };
    });
    const found = fixed
      .filter(([, service]) => service.build?.args.APP === role)
      .map(([name, service]) => ({ name, port: configOf(service).port }));
    expect(found).toEqual(expected);
    expect(found).toHaveLength(3);
  });

  it('mounts a file of keys into all nodes, when its two lines are not commented out', () => {
    const withKeys = text('docker-compose.yml').replaceAll(/^( *)# (volumes:|API_KEYS_FILE:)/gm, '$1$2');
    const { services }: typeof compose = parse(withKeys, { merge: true });
    for (const { build, environment, volumes } of Object.values(services)) {
      if (build === undefined) continue;
      const [[, folder = '', mode] = []] = (volumes ?? []).map((volume) => volume.split(':'));
      expect(environment?.API_KEYS_FILE).toBe(`${folder}/keys.json`);
      expect(mode).toBe('ro');
    }
  });

  it.each(fixed)('runs %s as a node with that name that knows its peers', (name, service) => {
    const config = configOf(service);
    expect(config.nodeId).toBe(name);
    // Reached by other containers; from outside through this machine alone.
    expect(config.exposure.host).toBe('0.0.0.0');
    expect(service.ports).toEqual([`127.0.0.1:${config.port}:${config.port}`]);
    const ofItsRole = fixed.filter(([, other]) => other.build?.args.APP === config.role);
    expect(config.peers).toEqual(
      ofItsRole.map(([peer, other]) => ({ nodeId: peer, url: `http://${peer}:${configOf(other).port}` })),
    );
  });

  it.each(Object.entries(nodes))('starts %s after Redis and gives it time to stop', (_name, service) => {
    expect(service.depends_on?.redis?.condition).toBe('service_healthy');
    expect(service.restart).toBe('unless-stopped');
    expect(Number.parseInt(service.stop_grace_period ?? '0', 10)).toBeGreaterThanOrEqual(15);
    expect(configOf(service).redis.url).toBe('redis://redis:6379');
  });

  it.each(Object.entries(compose.services))('confines %s', (_name, service) => {
    expect(service).toMatchObject({
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      pids_limit: expect.any(Number),
      mem_limit: expect.stringMatching(/^\d+g$/),
    });
    expect(service).not.toHaveProperty('privileged');
  });

  it.each(scalable)(
    'adds nodes by --scale %s, without a name or port that only one could have',
    (_name, service) => {
      expect(service).toMatchObject({ profiles: ['scale'], scale: 0 });
      expect(service.environment).not.toHaveProperty('NODE_ID');
      expect(service.environment).not.toHaveProperty('PORT');
      const config = configOf(service);
      expect(service.ports).toEqual([`127.0.0.1::${config.port}`]);
      const sibling = fixed.find(([, other]) => other.build?.args.APP === config.role);
      expect(config.peers).toEqual(sibling && configOf(sibling[1]).peers);
    },
  );

  it('adds nodes to each role', () => {
    expect(scalable.map(([, service]) => service.build?.args.APP)).toEqual(['lock', 'queue', 'cache']);
  });

  it('has a Redis that keeps its data and evicts nothing', () => {
    expect(redis?.command).toContain('--appendonly yes');
    expect(redis?.command).toContain('--maxmemory-policy noeviction');
    const [, maxmemory = ''] = /--maxmemory (\d+)gb/.exec(redis?.command ?? '') ?? [];
    expect(Number.parseInt(redis?.mem_limit ?? '', 10)).toBeGreaterThanOrEqual(2 * Number(maxmemory));
    // Without capabilities it could not become this user by itself.
    expect(redis?.user).toBe('redis');
    expect(redis?.volumes).toEqual(['redis-data:/data']);
    expect(compose.volumes).toHaveProperty('redis-data');
    expect(redis?.healthcheck?.test).toEqual(['CMD', 'redis-cli', 'ping']);
    expect(redis?.ports).toBeUndefined();
  });
});

describe('docker compose --profile observability', () => {
  /** What a folder or file of this repository is called in the container. */
  const mountedIn = (service?: Service) =>
    Object.fromEntries(
      (service?.volumes ?? [])
        .map((volume) => volume.split(':'))
        .filter(([here, , mode]) => here?.startsWith('./') && existsSync(here) && mode === 'ro')
        .map(([here = '', there]) => [here, there]),
    );

  it('adds a Prometheus that scrapes all nodes, each with its role', () => {
    expect(prometheus).toMatchObject({ profiles: ['observability'], ports: ['127.0.0.1:9090:9090'] });
    expect(mountedIn(prometheus)).toEqual({ './deploy/prometheus': '/etc/prometheus' });
    const { scrape_configs } = parse(text('deploy/prometheus/prometheus.yml'));
    const [{ static_configs, dns_sd_configs }] = scrape_configs;
    expect(static_configs).toEqual(
      Object.keys(PEERS).map((role) => ({
        targets: fixed
          .filter(([, { build }]) => build?.args.APP === role)
          .map(([name, service]) => `${name}:${configOf(service).port}`),
        labels: { role },
      })),
    );
    expect(dns_sd_configs).toEqual(
      scalable.map(([name, service]) => ({ names: [name], type: 'A', port: configOf(service).port })),
    );
  });

  it('adds a Grafana that has the dashboards and that Prometheus, and lets nobody change them', () => {
    expect(grafana).toMatchObject({ profiles: ['observability'], ports: ['127.0.0.1:3000:3000'] });
    const mounted = mountedIn(grafana);
    expect(mounted).toHaveProperty(['./deploy/grafana/provisioning'], '/etc/grafana/provisioning');
    const provisioned = (file: string) => parse(text(`deploy/grafana/provisioning/${file}`));
    const { providers } = provisioned('dashboards/syncline.yml');
    expect(providers[0].options.path).toBe(mounted['./deploy/grafana/dashboards']);
    expect(provisioned('datasources/prometheus.yml').datasources).toMatchObject([
      { type: 'prometheus', url: 'http://prometheus:9090', isDefault: true },
    ]);
    expect(grafana?.environment).toMatchObject({
      GF_AUTH_ANONYMOUS_ENABLED: 'true',
      GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
    });
    expect(grafana?.environment).not.toHaveProperty('GF_AUTH_ANONYMOUS_ORG_ROLE');
  });

  it('keeps what they write in volumes', () => {
    expect(prometheus?.volumes).toContain('prometheus-data:/prometheus');
    expect(grafana?.volumes).toContain('grafana-data:/var/lib/grafana');
    expect(compose.volumes).toMatchObject({ 'prometheus-data': null, 'grafana-data': null });
  });
});

describe('.env.example', () => {
  it('lists every variable that a node reads', () => {
    const read = [...text('libs/http/src/node/node.config.ts').matchAll(/^ {6}([A-Z_]+): /gm)].map(
      ([, name]) => name,
    );
    expect(read).toContain('REDIS_URL');
    const listed = [...text('.env.example').matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(listed).toEqual(expect.arrayContaining(read));
  });

  it('shows the defaults of npm start', async () => {
    const { DEFAULTS } = await import(`${process.cwd()}/scripts/start/settings.mjs`);
    expect(example).toMatchObject(DEFAULTS);
  });

  it('shows the defaults of a node', () => {
    const { LOG_LEVEL, API_KEYS } = example;
    const unset = readNodeConfig('lock', { NODE_ID: 'a' });
    expect(readNodeConfig('lock', { NODE_ID: 'a', LOG_LEVEL, API_KEYS })).toEqual(unset);
  });
});

describe('Dockerfile', () => {
  const dockerfile = text('Dockerfile');

  it('copies files that exist and that .dockerignore lets through', () => {
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );
    expect(sources).toEqual(expect.arrayContaining(['package-lock.json', 'apps', 'libs']));
    const allowed = [...text('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, file]) => file);
    for (const source of sources) {
      expect(existsSync(source)).toBe(true);
      expect(allowed).toContain(source);
    }
  });

  it('starts what the build makes, not as root', () => {
    const [, target] = /RUN ln -s dist\/(\S+) main\.js/.exec(dockerfile) ?? [];
    for (const app of ['lock', 'queue', 'cache']) {
      expect(existsSync(`dist/apps/${app}/${target?.replace('$APP', app).replace(/\$\{APP\}/, app)}`)).toBe(
        true,
      );
    }
    expect(dockerfile).toMatch(/^USER node\n[\s\S]*^CMD \["node", "main\.js"\]$/m);
  });

  it('has a health check that fails when the node is not ready, and all that a node needs', async () => {
    expect(dockerfile).toMatch(/^HEALTHCHECK .*CMD \["\.\/health-check\.sh"\]$/m);
    const { PATH } = process.env;
    const check = (port: number | string, env = {}) =>
      spawnSync('scripts/health-check.sh', { env: { PATH, PORT: `${port}`, APP: 'lock', ...env } }).status;
    const image = imageOf('lock');
    await using server = await RedisServer.start();
    const certificates = new Certificates();
    const { cert, key } = certificates.issue('node.example');
    for (const env of [{}, { TLS_CERT: cert, TLS_KEY: key }]) {
      const node = await NodeProcess.start('lock', {
        redisUrl: server.url,
        nodeId: 'lock_1',
        env,
        dist: relative('.', join(image, 'dist')),
      });
      const { port, protocol } = new URL(node.url);
      if (protocol === 'http:') {
        expect((await fetch(`${node.url}/api/doc/swagger-ui-bundle.js`)).status).toBe(200);
      }
      expect(check(port, env)).toBe(0);
      server.freeze();
      await eventually(() => expect(check(port, env)).toBe(1));
      server.thaw();
      await eventually(() => expect(check(port, env)).toBe(0));
      await node.stop();
      expect(check(port, env)).toBe(1);
    }
    certificates.remove();
    rmSync(image, { recursive: true });
    expect(check(await freePort())).toBe(1);
  });

  it('copies at most 20 MB into an image', () => {
    for (const app of ['lock', 'queue', 'cache']) {
      const files = copiedFor(app).flatMap((folder) =>
        readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile()),
      );
      const bytes = files.map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
      expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(20_000_000);
    }
  });

  /** The folders that it copies from the build. */
  const copiedFor = (app: string) =>
    [...dockerfile.matchAll(/^COPY --from=build \/syncline\/(\S+)/gm)].map(([, folder = '']) =>
      folder.replace(/\$\{APP\}/, app),
    );

  /** What it copies, in a folder from which no other package is found. */
  function imageOf(app: string): string {
    const image = mkdtempSync(join(tmpdir(), 'syncline-image-'));
    for (const folder of copiedFor(app)) cpSync(folder, join(image, folder), { recursive: true });
    cpSync('package.json', join(image, 'package.json'));
    return image;
  }
});
