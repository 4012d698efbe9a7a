// npm test: installs what is missing, then runs jest with the arguments given.
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installWhenStale } from './install-when-stale.mjs';
import { Watchdog } from './watchdog.mjs';

installWhenStale((line) => console.error(line));

// However this ends: jest, its workers, what they started and their temporary files go with it.
const watchdog = new Watchdog('SIGKILL');
const TMPDIR = mkdtempSync(join(tmpdir(), 'syncline-test-'));
watchdog.remove(TMPDIR);

const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const jest = spawn(process.execPath, ['node_modules/jest/bin/jest.js', ...process.argv.slice(2)], {
  stdio: 'inherit',
  // By the environment, so that jest's workers have them too.
  env: {
    ...process.env,
    TMPDIR,
    NODE_OPTIONS: [process.env.NODE_OPTIONS, ...flags].filter(Boolean).join(' '),
  },
});
watchdog.watch(jest);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => jest.kill(signal));
jest.on('exit', (code) => process.exit(code ?? 1));
