import config from '../../jest.config.mjs';

/** Configuration for the test that never ends. */
export default {
  ...config,
  rootDir: process.cwd(),
  testMatch: ['<rootDir>/test/left-behind/hangs.ts'],
  // A single file would run in the process of jest; with a memory limit it runs in a worker, like specs.
  workerIdleMemoryLimit: '4GB',
};
