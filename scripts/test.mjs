// npm test: installs missing dependencies, then runs jest with the given arguments.
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installWhenStale } from './install-when-stale.mjs';
import { Watchdog } from './watchdog.mjs';

installWhenStale((line) => console.error(line));

// When this process ends, even by SIGKILL, jest, its workers, their processes and their temporary files go too.
const watchdog = new Watchdog('SIGKILL');
const TMPDIR = mkdtempSync(join(tmpdir(), 'syncline-test-'));
watchdog.remove(TMPDIR);

const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const jest = spawn(process.execPath, ['node_modules/jest/bin/jest.js', ...process.argv.slice(2)], {
  stdio: 'inherit',
  // Set in the environment, so that the workers of jest get the flags too.
  env: {
    ...process.env,
    TMPDIR,
    NODE_OPTIONS: [process.env.NODE_OPTIONS, ...flags].filter(Boolean).join(' '),
  },
});
watchdog.watch(jest);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => jest.kill(signal));
jest.on('exit', (code) => process.exit(code ?? 1));
