import { TestEnvironment } from 'jest-environment-node';

const end = () => process.exit(1);

/** The Node environment of jest, plus: when jest is killed, the worker ends too, with every process that it started. */
export default class extends TestEnvironment {
  async setup() {
    await super.setup();
    process.on('disconnect', end);
  }

  async teardown() {
    // A listener on the IPC channel would keep the worker alive.
    process.off('disconnect', end);
    await super.teardown();
  }
}
