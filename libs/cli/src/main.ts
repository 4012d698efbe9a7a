#!/usr/bin/env node
import { Clients } from './clients.js';
import { run } from './run.js';

/** Time to leave a cluster, and then for what is open still, before the process exits. */
const LEAVE_MS = 3_000;
const CLOSE_MS = 500;

// A failed write rejects by itself.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const clients = new Clients(process.env);
await run(process.argv.slice(2), clients, process.env);
const exitWithin = (ms: number) => setTimeout(() => process.exit(), ms).unref();
exitWithin(LEAVE_MS);
void clients.close().finally(() => exitWithin(CLOSE_MS));
