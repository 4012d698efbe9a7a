import { existsSync } from 'node:fs';

/** Variables of `npm start`, with their defaults. The variables of nodes are passed on to them unchanged. */
export const DEFAULTS = {
  LOCK_PEERS: 'lock_manager_1@localhost:8001,lock_manager_2@localhost:8002,lock_manager_3@localhost:8003',
  QUEUE_PEERS: 'queue_node_1@localhost:8004,queue_node_2@localhost:8005,queue_node_3@localhost:8006',
  CACHE_PEERS: 'cache_node_1@localhost:8007,cache_node_2@localhost:8008,cache_node_3@localhost:8009',
  REDIS_URL: '',
  REDIS_PORT: '6399',
  DATA_DIR: '.data',
  HOST: '127.0.0.1',
};

/** An obstacle that a person can remove. The message says how. */
export class CannotStart extends Error {}

function toNodes(role, variable, peers) {
  const scheme = process.env.TLS_CERT ? 'https' : 'http';
  return peers.split(',').map((entry) => {
    const [, nodeId, host, port] = /^\s*([^@\s]+)@(.+):(\d+)\s*$/.exec(entry) ?? [];
    if (port === undefined) {
      throw new CannotStart(`${variable}: expected NODE_ID@HOST:PORT, comma-separated. See .env.example.`);
    }
    return { role, nodeId, url: `${scheme}://${host}:${port}`, port: Number(port), peers };
  });
}

/**
 * Reads `.env`, if it exists, and the environment, which takes precedence.
 *
 * @returns the nodes to start; `redisUrl` is null when npm start starts its own Redis on `redisPort`
 * @throws CannotStart when a variable is not valid
 */
export function readSettings() {
  if (existsSync('.env')) process.loadEnvFile('.env');
  // An empty variable counts as unset.
  const read = (name) => process.env[name] || DEFAULTS[name];
  const redisPort = Number(read('REDIS_PORT'));
  if (!Number.isInteger(redisPort) || redisPort < 1 || redisPort > 65_535) {
    throw new CannotStart('REDIS_PORT: expected a port number.');
  }
  return {
    nodes: [
      ...toNodes('lock', 'LOCK_PEERS', read('LOCK_PEERS')),
      ...toNodes('queue', 'QUEUE_PEERS', read('QUEUE_PEERS')),
      ...toNodes('cache', 'CACHE_PEERS', read('CACHE_PEERS')),
    ],
    host: read('HOST'),
    redisUrl: read('REDIS_URL') || null,
    redisPort,
    dataDir: read('DATA_DIR'),
  };
}
