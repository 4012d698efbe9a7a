import { TestEnvironment } from 'jest-environment-node';

const end = () => process.exit(1);

/** Node, as jest has it; but a worker whose jest was killed ends as well, with every process that it started. */
export default class extends TestEnvironment {
  async setup() {
    await super.setup();
    process.on('disconnect', end);
  }

  async teardown() {
    // Who listens for the end of the channel keeps it, and so the worker, alive.
    process.off('disconnect', end);
    await super.teardown();
  }
}
