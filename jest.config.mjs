/** @type {import('jest').Config} */
export default {
  testEnvironment: '<rootDir>/test/environment.mjs',
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^@syncline/queues/lone-extender$': '<rootDir>/libs/queues/src/redis/lone-extender.ts',
    '^@syncline/client/(ports|testing)$': '<rootDir>/libs/client/src/$1.ts',
    '^@syncline/(.*)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  // Builds the nodes when sources are newer and finds or installs a Redis: the tests run both for real.
  globalSetup: '<rootDir>/test/set-up.mjs',
  // Only a hang takes as long, on a busy machine too; what a test waits for gives up before, and says why.
  testTimeout: 120_000,
  // Not among the temporary files, which a run removes in the end.
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  testSequencer: '<rootDir>/test/sequencer.mjs',
  // One more than the cores of a small machine: most tests wait for processes of theirs.
  maxWorkers: 3,
  // Node keeps the modules of every test file that a worker has run, and garbage collection then takes most of its time.
  workerIdleMemoryLimit: '400MB',
};
