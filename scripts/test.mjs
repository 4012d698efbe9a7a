// npm test: installs what is missing, then runs jest with the arguments given.
import { spawn } from 'node:child_process';
import { installWhenStale } from './install-when-stale.mjs';

installWhenStale((line) => console.error(line));

const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const jest = spawn(process.execPath, ['node_modules/jest/bin/jest.js', ...process.argv.slice(2)], {
  stdio: 'inherit',
  // By the environment, so that jest's workers have them too.
  env: { ...process.env, NODE_OPTIONS: [process.env.NODE_OPTIONS, ...flags].filter(Boolean).join(' ') },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.on('exit', (code) => process.exit(code ?? 1));
