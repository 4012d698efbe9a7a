// npm start: installs, builds and starts everything, from a clean checkout to nine ready nodes. npm run dev: the same, with
// --watch. It runs before the dependencies are installed, so modules that need them are imported later.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildWhenStale } from './build-when-stale.mjs';
import { findRedis, HOW_TO_GET_REDIS } from './find-redis.mjs';
import { installWhenStale } from './install-when-stale.mjs';
import { checkPorts } from './start/ports.mjs';
import { waitUntilReady } from './start/ready.mjs';
import { CannotStart, readSettings } from './start/settings.mjs';

/** Our own Redis may have to load much data; the one in REDIS_URL already runs. */
const OWN_REDIS_READY_MS = 15_000;
const NAMED_REDIS_READY_MS = 3_000;
const NODES_READY_MS = 60_000;
/** Together less than 10 s, in which everything has to stop. */
const NODES_STOP_MS = 8_000;
const REDIS_STOP_MS = 1_500;

/** `npm run dev`: build and restart on every save. */
const watching = process.argv.includes('--watch');
const startedAt = performance.now();
const seconds = () => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;
const say = (line) => console.log(line);

/** Aborts when this process gets a signal to end. */
const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => ending.abort());

let redis = null;
let nodes = null;

async function startRedis({ redisUrl, redisPort, dataDir }, binary) {
  if (redisUrl !== null) {
    const { redisVersion } = await import('./start/redis.mjs');
    // Only nodes know how to speak to sentinels and over TLS: they say what is wrong.
    const version = redisUrl.startsWith('redis://')
      ? `${await redisVersion(redisUrl, NAMED_REDIS_READY_MS, ending.signal)} `
      : '';
    say(`Redis ${version}from REDIS_URL.`);
    return redisUrl;
  }
  const [{ Processes }, { redisCommand, redisVersion }] = await Promise.all([
    import('./start/processes.mjs'),
    import('./start/redis.mjs'),
  ]);
  const cwd = join(dataDir, 'redis');
  mkdirSync(cwd, { recursive: true });
  redis = new Processes([{ name: 'redis', command: redisCommand(binary, redisPort) }], {
    dataDir,
    cwd,
    say,
  });
  const url = `redis://127.0.0.1:${redisPort}`;
  const version = await redisVersion(url, OWN_REDIS_READY_MS, ending.signal);
  say(`Redis ${version} on port ${redisPort}, data in ${cwd}.`);
  return url;
}

async function startNodes({ nodes: wanted, host, dataDir }, redisUrl) {
  const { Processes } = await import('./start/processes.mjs');
  let isReady = false;
  // Not AbortSignal.any with AbortSignal.timeout: Node 20 loses the timeout at a garbage collection.
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), NODES_READY_MS);
  ending.signal.addEventListener('abort', () => waiting.abort());
  let failure = null;
  nodes = new Processes(
    wanted.map(({ role, nodeId, port, peers }) => ({
      name: nodeId,
      command: `exec "$NODE" dist/apps/${role}/apps/${role}/src/main.js`,
      env: {
        NODE: process.execPath,
        NODE_ID: nodeId,
        HOST: host,
        PORT: `${port}`,
        NODE_URL: '',
        PEERS: peers,
        REDIS_URL: redisUrl,
      },
    })),
    {
      dataDir,
      say,
      // A node that fails during the first start would fail again: its output says why.
      onEnd: (name) => {
        if (isReady) return void sayWhenBack(wanted.find(({ nodeId }) => nodeId === name));
        failure ??= new CannotStart(`${name} did not start.`);
        waiting.abort();
      },
    },
  );
  let count = 0;
  const readiness = wanted.map(async (node) => {
    await waitUntilReady(node, waiting.signal);
    count += 1;
    say(`  ${count}/${wanted.length} ready: ${node.nodeId} on ${node.url}`);
  });
  try {
    await Promise.all(readiness);
  } catch (error) {
    throw failure ?? new CannotStart(error.message);
  } finally {
    clearTimeout(timer);
  }
  isReady = true;
}

async function sayWhenBack(node) {
  try {
    await waitUntilReady(node, ending.signal);
  } catch {
    return; // Everything ends.
  }
  say(`[${node.nodeId}] is ready again`);
}

function sayWhoMayCall({ host }) {
  const keys = process.env.API_KEYS || process.env.API_KEYS_FILE;
  say(
    keys
      ? `The nodes listen on ${host} and ask callers for API keys.`
      : `The nodes listen on ${host} and ask nobody for a key: whoever reaches them may do everything (see API_KEYS in .env.example).`,
  );
}

function sayReady({ nodes: wanted, dataDir }) {
  const first = (role) => wanted.find((node) => node.role === role)?.url;
  say(`
Syncline is ready after ${seconds()}: ${wanted.length} nodes on one Redis. Try it in a browser:
  locks    ${first('lock')}/api/doc
  queues   ${first('queue')}/api/doc
  caches   ${first('cache')}/api/doc
  console  ${first('lock')}/console/
or in a shell:
  curl ${first('lock')}/v1/cluster
  curl -X POST ${first('lock')}/v1/locks/orders/acquire -H 'content-type: application/json' -d '{"owner":"me"}'
The logs are in ${join(dataDir, 'logs')}. Ctrl-C stops everything.
`);
}

async function start() {
  const settings = readSettings();
  const binary = settings.redisUrl === null ? findRedis(say) : null;
  if (settings.redisUrl === null && binary === null) throw new CannotStart(HOW_TO_GET_REDIS);
  await checkPorts([
    ...(settings.redisUrl === null
      ? [{ port: settings.redisPort, host: '127.0.0.1', what: 'Redis', variable: 'REDIS_PORT' }]
      : []),
    ...settings.nodes.map(({ role, nodeId, port }) => ({
      port,
      host: settings.host,
      what: nodeId,
      variable: `${role.toUpperCase()}_PEERS`,
    })),
  ]);
  installWhenStale(say);
  buildWhenStale(say, 'apps');
  const redisUrl = await startRedis(settings, binary);
  say(`Starting ${settings.nodes.length} nodes ...`);
  await startNodes(settings, redisUrl);
  sayWhoMayCall(settings);
  sayReady(settings);
  if (!watching) return;
  const { rebuildOnSave } = await import('./start/watch.mjs');
  say('Watching apps/ and libs/: when you save a file, its nodes restart.\n');
  rebuildOnSave({
    say,
    onBuilt: (apps) =>
      nodes.restart(settings.nodes.filter((node) => apps.includes(node.role)).map((node) => node.nodeId)),
  });
}

async function stop() {
  await nodes?.stop(NODES_STOP_MS);
  await redis?.stop(REDIS_STOP_MS);
}

try {
  await start();
  if (!ending.signal.aborted) {
    await new Promise((resolve) => ending.signal.addEventListener('abort', resolve));
  }
  say('Stopping the nodes, then Redis ...');
  await stop();
  say('Stopped.');
} catch (error) {
  await stop();
  if (!ending.signal.aborted) {
    console.error(error instanceof CannotStart ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
process.exit();
