import config from '../../jest.config.mjs';

/** For the test that never ends. */
export default {
  ...config,
  rootDir: process.cwd(),
  testMatch: ['<rootDir>/test/left-behind/hangs.ts'],
  // A single file would run in jest's own process; with a bound on its memory it gets a worker, as specs do.
  workerIdleMemoryLimit: '4GB',
};
