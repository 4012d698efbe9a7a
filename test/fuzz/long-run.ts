import { parseArgs } from 'node:util';
import { ROLES } from '@syncline/contracts';
import { NodeProcess, RedisServer, stopAll } from '@syncline/testing';
import { fuzz } from './run.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: `${Math.floor(Math.random() * 2 ** 31)}` },
  },
});

const redis = await RedisServer.start();
// A node that keeps what it should not would not live that long.
const env = { NODE_OPTIONS: '--max-old-space-size=256' };
const nodes = await Promise.all(
  ROLES.map((role) => NodeProcess.start(role, { redisUrl: redis.url, nodeId: `${role}_1`, env })),
);
console.log(`seed ${values.seed}`);
const seed = Number(values.seed);
const count = Math.ceil(Number(values.requests) / nodes.length);
const results = await Promise.all(nodes.map((node) => fuzz(node, seed, count)));
let failed = false;
for (const [i, node] of nodes.entries()) {
  const { requests, byStatus, findings } = results[i] as (typeof results)[number];
  const lost = node.process.exitCode !== null || node.output.includes('"level":50');
  failed ||= findings.length > 0 || lost;
  console.log(
    `${node.role}: ${requests} requests ${JSON.stringify(byStatus)}${lost ? ' NODE LOST OR FAILED' : ''}`,
  );
  for (const finding of findings) console.log(`  ${finding}`);
  if (lost)
    console.log(
      node.output
        .split('\n')
        .filter((line) => !line.includes('"msg":"audit"'))
        .slice(-20)
        .join('\n'),
    );
}
await stopAll(nodes);
await redis.stop();
process.exitCode = failed ? 1 : 0;
