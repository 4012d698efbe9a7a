// Runs commands of the published `syncline`, as main.js does, in one process that has loaded it once: loading takes most of a run.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';

const dist = new URL('../../dist/packages/cli/dist/', import.meta.url);
const { Clients } = await import(new URL('clients.js', dist));
const { run } = await import(new URL('run.js', dist));

/** The standard streams of each run, since some wait while others run. */
const runs = new AsyncLocalStorage();
for (const name of ['stdout', 'stderr']) {
  process[name].write = (data, done) => {
    runs.getStore()[name].push(Buffer.from(data));
    if (done) process.nextTick(done);
    return true;
  };
}
Object.defineProperty(process, 'stdin', { get: () => runs.getStore().stdin });

process.on('message', ({ id, args, environment, input }) => {
  const streams = { stdin: Readable.from([Buffer.from(input)]), stdout: [], stderr: [] };
  runs.run(streams, async () => {
    const clients = new Clients(environment);
    await run(args, clients, environment);
    // Commands that fail run one at a time.
    const code = process.exitCode ?? 0;
    process.exitCode = 0;
    await clients.close();
    const [stdout, stderr] = [streams.stdout, streams.stderr].map((parts) => Buffer.concat(parts));
    process.send({ id, code, stdout, stderr: stderr.toString() });
  });
});
process.on('disconnect', () => process.exit());
