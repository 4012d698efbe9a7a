import { ROLES } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, stopAll } from '@syncline/testing';
import { fuzz } from './run.js';
import { compareWithMoto, hasMoto } from './sqs-twins.js';

const SEED = 20_261_130;
const REQUESTS = 250;
const SQS_OPERATIONS = 150;

it('nodes answer odd requests as their OpenAPI documents say, and keep nothing of them', async () => {
  await using redis = await RedisServer.start();
  const nodes = await Promise.all(
    ROLES.map((role) => NodeProcess.start(role, { redisUrl: redis.url, nodeId: `${role}_1` })),
  );
  try {
    const results = await Promise.all(nodes.map((node) => fuzz(node, SEED, REQUESTS)));
    expect(results.flatMap(({ findings }) => findings)).toEqual([]);
    for (const { byStatus } of results) {
      // Otherwise it would not have come far.
      expect(byStatus[200]).toBeGreaterThan(REQUESTS / 5);
      expect(byStatus[400]).toBeGreaterThan(REQUESTS / 20);
    }
    for (const node of nodes) {
      expect(node.output).not.toMatch(/"level":50/);
      await eventually(async () => {
        const metrics = await (await fetch(`${node.url}/metrics`)).text();
        expect(metrics).toMatch(/^waiting_requests 0$/m);
        expect(metrics).toMatch(/^call_streams 0$/m);
      });
      expect((await fetch(`${node.url}/health/ready`)).status).toBe(200);
    }
  } finally {
    await stopAll(nodes);
  }
});

if (hasMoto) {
  it("random operations of SQS have the same outcomes as at moto's server", () =>
    compareWithMoto(SEED, SQS_OPERATIONS));
}
