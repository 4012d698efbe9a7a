import { TestEnvironment } from 'jest-environment-node';

// A worker whose jest was killed would run on to the end of its spec, with every process that it started.
process.once('disconnect', () => process.exit(1));

export default TestEnvironment;
