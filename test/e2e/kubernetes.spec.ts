import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Syncline } from '@syncline/client';
import { ROLES, type Role } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, stopAll } from '@syncline/testing';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { Service } from 'kubernetes-models/v1/Service';
import { parse, parseAllDocuments } from 'yaml';

const FOLDER = 'deploy/kubernetes';
const text = (file: string) => readFileSync(join(FOLDER, file), 'utf8');
// biome-ignore lint/suspicious/noExplicitAny: the models judge the shape
const documents = (file: string): any[] => parseAllDocuments(text(file)).map((each) => each.toJS());
const PORTS = { lock: 8001, queue: 8004, cache: 8007 } as const satisfies Record<Role, number>;

/** The service, the budget and the deployment of a role. @throws Error when Kubernetes would refuse one */
function objectsOf(role: Role) {
  const [service, budget, deployment] = documents(`${role}.yaml`);
  const models = [new Service(service), new PodDisruptionBudget(budget), new Deployment(deployment)] as const;
  for (const model of models) model.validate();
  return { service: models[0], budget: models[1], deployment: models[2] };
}
const nodeOf = (role: Role) => {
  const [container] = objectsOf(role).deployment.spec?.template.spec?.containers ?? [];
  if (container === undefined) throw new Error(`${role} has no container`);
  return container;
};

describe('deploy/kubernetes', () => {
  const keys = mkdtempSync(join(tmpdir(), 'syncline-keys-'));
  const secret = 'a-secret-of-those-who-scale';
  const nodes: NodeProcess[] = [];
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await RedisServer.start();
    writeKeys(secret);
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis?.stop();
    rmSync(keys, { recursive: true });
  });

  /** As the kubelet writes a secret: the files are links into a folder that is replaced as a whole. */
  function writeKeys(of: string): void {
    const hash = `sha256:${createHash('sha256').update(of).digest('hex')}`;
    const grants = [{ role: 'queue', actions: ['read', 'produce'], names: ['mails'] }];
    const version = `..${hash.slice(-8)}`;
    mkdirSync(join(keys, version));
    writeFileSync(
      join(keys, version, 'keys.json'),
      JSON.stringify({ keys: [{ name: 'keda', secrets: [{ hash }], grants }] }),
    );
    symlinkSync(version, join(keys, '..next'));
    renameSync(join(keys, '..next'), join(keys, '..data'));
    if (of === secret) symlinkSync('..data/keys.json', join(keys, 'keys.json'));
  }

  it('holds what kustomization.yaml names, each file valid', () => {
    const { resources } = parse(text('kustomization.yaml'));
    expect(resources).toEqual(['namespace.yaml', ...ROLES.map((role) => `${role}.yaml`)]);
    for (const each of documents('namespace.yaml')) new Namespace(each).validate();
    expect(() => new Deployment({ spec: { replicas: 'three' } } as never).validate()).toThrow(/replicas/);
  });

  it('has the three roles alike', () => {
    const plain = (role: Role) =>
      text(`${role}.yaml`)
        .split('\n')
        .filter((line) => !/^# |durability|LOCK_DURABILITY|docs\/operations/i.test(line))
        .join('\n')
        .replaceAll(String(PORTS[role]), 'PORT')
        .replaceAll(new RegExp(`\\b${role}\\b`, 'g'), 'ROLE');
    expect(plain('queue')).toBe(plain('lock'));
    expect(plain('cache')).toBe(plain('lock'));
  });

  it.each(ROLES)('sends requests and disruptions to the pods of the %s nodes', (role) => {
    const { service, budget, deployment } = objectsOf(role);
    const labels = deployment.spec?.template.metadata?.labels;
    expect(labels).toMatchObject({ 'app.kubernetes.io/component': role });
    expect(service.spec?.selector).toEqual(labels);
    expect(budget.spec?.selector?.matchLabels).toEqual(labels);
    expect(deployment.spec?.selector.matchLabels).toEqual(labels);
    expect(service.spec?.ports).toEqual([{ name: 'http', port: PORTS[role], targetPort: 'http' }]);
  });

  it.each(ROLES)('gives the %s nodes no more rights than they need', (role) => {
    const pod = objectsOf(role).deployment.spec?.template.spec;
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(nodeOf(role).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it.each(ROLES)(
    'starts %s nodes with an environment that they take, and probes routes that answer',
    async (role) => {
      const container = nodeOf(role);
      const given: Record<string, string> = {
        'metadata.name': `syncline-${role}-6d4c`,
        'status.podIP': '127.0.0.1',
        REDIS_URL: redis.url,
      };
      const env = Object.fromEntries(
        (container.env ?? []).map(({ name, value, valueFrom }) => {
          const from = valueFrom?.fieldRef?.fieldPath ?? valueFrom?.secretKeyRef?.key ?? '';
          return [name, (value ?? given[from] ?? '').replace('$(POD_IP)', '127.0.0.1')];
        }),
      );
      expect(env.NODE_URL).toBe(`http://127.0.0.1:${PORTS[role]}`);
      expect(Object.values(env)).not.toContain('');
      const [mount] = (container.volumeMounts ?? []).filter(({ name }) => name === 'keys');
      expect(env.API_KEYS_FILE).toBe(`${mount?.mountPath}/keys.json`);

      const { NODE_ID: nodeId = '', ...rest } = env;
      const node = await NodeProcess.start(role, {
        redisUrl: redis.url,
        nodeId,
        env: { ...rest, API_KEYS_FILE: join(keys, 'keys.json') },
      });
      nodes.push(node);
      for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
        const { status } = await fetch(`${node.url}${probe?.httpGet?.path}`);
        expect(status).toBe(200);
      }
      const { annotations } = objectsOf(role).deployment.spec?.template.metadata ?? {};
      expect(annotations).toMatchObject({
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': String(PORTS[role]),
      });
      const { status } = await fetch(`${node.url}${annotations?.['prometheus.io/path']}`);
      expect(status).toBe(200);
      if (role === 'queue') await scalesBy(node.url);
    },
  );

  it('has nodes take a secret of keys that the kubelet has replaced', async () => {
    const node = nodes.find(({ role }) => role === 'queue');
    const next = 'the-next-secret-of-those-who-scale';
    const statusWith = async (key: string) =>
      (await fetch(`${node?.url}/v1/queues/mails`, { headers: { authorization: `Bearer ${key}` } })).status;
    expect([await statusWith(secret), await statusWith(next)]).toEqual([200, 401]);
    writeKeys(next);
    await eventually(async () =>
      expect([await statusWith(secret), await statusWith(next)]).toEqual([401, 200]),
    );
  });

  it.each(ROLES)(
    'leaves %s nodes as long to stop as Compose does, after the pause before SIGTERM',
    (role) => {
      const [sleep, pauseS] = nodeOf(role).lifecycle?.preStop?.exec?.command ?? [];
      expect(sleep).toBe('sleep');
      const { 'x-node': compose } = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true });
      const graceS = objectsOf(role).deployment.spec?.template.spec?.terminationGracePeriodSeconds;
      expect(graceS).toBe(Number(pauseS) + Number.parseInt(compose.stop_grace_period, 10));
    },
  );

  /** What KEDA does: it reads a number at a place of the answer. */
  async function scalesBy(url: string): Promise<void> {
    const [, scaled] = documents('examples/mail-worker.yaml');
    const [{ metadata }] = scaled.spec.triggers;
    const asked = new URL(metadata.url);
    expect(asked.port).toBe(String(PORTS.queue));
    expect(metadata.authMode).toBe('bearer');
    const syncline = new Syncline({ queue: [url], apiKey: secret });
    await syncline.queue('mails').send('a mail');
    await syncline.close();
    const answer = await fetch(`${url}${asked.pathname}`, { headers: { authorization: `Bearer ${secret}` } });
    expect(await answer.json()).toHaveProperty(metadata.valueLocation, 1);
  }

  it('takes its secrets from where docs/operations.md puts them', () => {
    const page = readFileSync('docs/operations.md', 'utf8');
    for (const role of ROLES) {
      const pod = objectsOf(role).deployment.spec?.template.spec;
      const redisSecret = nodeOf(role).env?.find(({ name }) => name === 'REDIS_URL')?.valueFrom?.secretKeyRef;
      const keysSecret = pod?.volumes?.find(({ name }) => name === 'keys')?.secret?.secretName;
      expect(page).toContain(
        `create secret generic ${redisSecret?.name} --from-literal=${redisSecret?.key}=`,
      );
      expect(page).toContain(`create secret generic ${keysSecret} --from-file=keys.json`);
    }
  });
});
